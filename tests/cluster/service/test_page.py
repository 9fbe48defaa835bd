"""The head's page says how things stand, and takes no name for markup."""

from __future__ import annotations

from typing import Any

from cluster.service.page import head_page
from sweeps.figures.figure import Figure

SHARING = {"sessions": [], "gpu_hours": {}, "weights": {}, "problem": ""}
EVIL = "<script>alert(1)</script>"


def known(**other: Any) -> dict[str, Any]:
    return {"machines": [], "sharing": SHARING, "queue": [], **other}


def test_an_empty_cluster_says_what_to_do() -> None:
    page = head_page(known(), {})
    assert "None runs now." in page
    assert "make submit" in page
    assert "No machine is seen." in page


def test_names_are_no_markup_and_no_address() -> None:
    session = {"sweep": EVIL, "member": EVIL, "held": 0, "wanted": 2, "granted": 0, "limit": ""}
    session["running"] = {f"{EVIL}/{EVIL}": 1}
    entry = {"sweep": f'{EVIL}"/?#', "member": EVIL, "step": "failed", "message": EVIL, "since": 0}
    machine = {"member": EVIL, "name": EVIL, "cpus": 2.0, "gpus": 0.0, "away": EVIL}
    sharing = {**SHARING, "sessions": [{**session, "progress": EVIL}], "problem": EVIL}
    drawn = {EVIL: Figure("curves", EVIL, EVIL, "<svg></svg>", ("a",), [(EVIL,)])}
    page = head_page(known(machines=[machine], sharing=sharing, queue=[entry]), drawn)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 10
    assert 'href="/sweep/%3Cscript%3Ealert%281%29%3C%2Fscript%3E%22%2F%3F%23"' in page


def test_why_a_sweep_waits_is_told() -> None:
    session = {"sweep": "a", "member": "b", "held": 0, "wanted": 2, "granted": 0, "progress": ""}
    sharing = {**SHARING, "sessions": [{**session, "limit": ""}]}
    assert "waits for a slot" in head_page(known(sharing=sharing), {})
    sharing = {**SHARING, "sessions": [{**session, "limit": "b's hours are 20-08"}]}
    assert "b&#39;s hours are 20-08" in head_page(known(sharing=sharing), {})
