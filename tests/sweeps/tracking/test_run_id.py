"""A run's id is one that W&B takes, the same each time, and no other trial's."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from sweeps.tracking.run_id import NAME_LENGTH, checkpoints_name, run_id

UIDS = st.text("0123456789abcdef", min_size=8, max_size=8)
TRIALS = st.integers(0, 99_999).map(lambda number: f"{number:04d}") | st.just("summary")


@given(st.text(min_size=1, max_size=200), UIDS, TRIALS)
def test_it_and_its_artifact_have_names_that_wandb_takes(sweep: str, uid: str, name: str) -> None:
    made = run_id(sweep, uid, name)
    assert re.fullmatch(r"[A-Za-z0-9._-]+", made)
    assert len(checkpoints_name(made)) <= NAME_LENGTH
    assert made.endswith(f"-{uid}-{name}")
    assert made == run_id(sweep, uid, name)


@given(st.text(min_size=1, max_size=200), UIDS, st.lists(TRIALS, unique=True, max_size=5))
def test_the_trials_of_a_sweep_have_ids_of_their_own(
    sweep: str, uid: str, names: list[str]
) -> None:
    assert len({run_id(sweep, uid, name) for name in names}) == len(names)
