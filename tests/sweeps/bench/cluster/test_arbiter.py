"""The arbiter's own code answers as often as it is asked."""

from __future__ import annotations

from sweeps.bench.cluster import arbiter


def test_every_answer_is_timed() -> None:
    answers, anew = arbiter.ask(machines=2, sweeps=3)
    assert (len(answers), len(anew)) == (3 * 10, 10)
    assert min(answers) > 0
