"""What Ray tells of a machine, in words; a real cluster is looked at in test_submit."""

from __future__ import annotations

from cluster.service.cluster_view import Machine, _machine


def test_a_machine_is_described() -> None:
    node = {"NodeManagerHostname": "atlas", "Labels": {"member": "alpha"}}
    machine = _machine({**node, "Resources": {"CPU": 8.0, "GPU": 2.0}})
    assert machine == Machine("alpha", "atlas", 8.0, 2.0)
    assert _machine({**node, "Resources": {}}, "hours").away == "hours"
    assert str(machine) == "alpha on atlas, 8 CPUs, 2 GPUs"
    assert str(_machine({"NodeManagerHostname": "b", "Resources": {}})) == "? on b, 0 CPUs"
