"""Tags say what to filter runs by, and an earlier end gives way to a later one."""

from __future__ import annotations

from pathlib import Path

from sweeps.tracking.run_tags import TAG_LENGTH, ended_tags, opening_tags


def test_a_run_has_its_experiment_and_its_stage(tmp_path: Path) -> None:
    assert opening_tags({"experiment": "hw1p2"}, tmp_path / "coarse-2") == ["hw1p2"]
    (tmp_path / "coarse").mkdir()
    (tmp_path / "coarse" / "plan.yaml").touch()
    assert opening_tags({"experiment": "hw1p2"}, tmp_path / "coarse-2") == ["hw1p2", "stage-2"]
    assert opening_tags({}, tmp_path / "coarse-x") == []
    assert opening_tags({"experiment": "e" * 99}, tmp_path / "2") == ["e" * TAG_LENGTH]


def test_the_end_adds_where_it_ran_and_replaces_an_earlier_end() -> None:
    first = ended_tags(["hw1p2", "mine"], "stopped", "ann", "atlas")
    assert first == ("hw1p2", "mine", "ann", "atlas", "early-stopped")
    moved = ended_tags(first, "complete", "ann", "rhea")
    assert moved == ("hw1p2", "mine", "ann", "atlas", "rhea", "complete")
    assert ended_tags(moved, "paused") == moved
