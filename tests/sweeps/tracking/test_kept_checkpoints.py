"""Only checkpoints that stay are promised to anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.tracking.kept_checkpoints import KeptCheckpoints


def kept(folder: Path, there: list[int], best: int | None) -> KeptCheckpoints:
    made = KeptCheckpoints(folder)
    for epoch in range(1, 6):
        made.note(epoch, {"val_acc": epoch / 10}, epoch == best)
    for epoch in there:
        (folder / f"epoch_{epoch:03d}").mkdir()
    return made


@pytest.mark.parametrize(
    ("there", "best", "only_best", "expected"),
    [
        ([3, 5], 3, False, {3: ["epoch-3", "best"], 5: ["latest", "epoch-5"]}),
        ([5], 5, False, {5: ["latest", "epoch-5", "best"]}),
        ([3, 5], 3, True, {3: ["epoch-3", "best"]}),
        ([1, 2, 3, 4, 5], 4, True, {4: ["epoch-4", "best"]}),
        ([2, 5], None, False, {2: ["epoch-2", "best"], 5: ["latest", "epoch-5"]}),
        ([], 3, False, {}),
    ],
)
def test_those_that_are_left(
    there: list[int], best: int | None, only_best: bool, expected: dict[int, list[str]],
    tmp_path: Path,
) -> None:  # fmt: skip
    left = kept(tmp_path, there, best).left(only_best)
    assert {one.metadata["epoch"]: one.aliases for one in left} == expected
    for one in left:
        epoch = one.metadata["epoch"]
        assert one.folder == tmp_path / f"epoch_{epoch:03d}"
        assert one.metadata["val_acc"] == epoch / 10
