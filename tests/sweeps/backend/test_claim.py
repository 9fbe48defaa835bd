"""What crosses between a session and the arbiter can be sent."""

from __future__ import annotations

import pickle

from sweeps.backend.claim import Claim, Grant


def test_both_can_be_sent() -> None:
    claim = Claim("id", "s", "alpha", {"CPU": 1.0, "GPU": 0.5}, wanted=4, held=2)
    grant = Grant(2, ("beta's sweep b (2)",), "")
    assert pickle.loads(pickle.dumps((claim, grant))) == (claim, grant)
