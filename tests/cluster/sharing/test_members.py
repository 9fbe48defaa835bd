"""What `members.yaml` may say, and what is refused."""

from __future__ import annotations

import datetime
import math
from pathlib import Path

import pytest

from cluster.sharing.members import Hours, Member, read_members
from trainers.errors import ConfigError


def written(folder: Path, text: str) -> dict[str, Member]:
    path = folder / "members.yaml"
    path.write_text(text, encoding="utf-8")
    return read_members(path)


def test_none_is_needed(tmp_path: Path) -> None:
    assert read_members(tmp_path / "members.yaml") == {}
    assert written(tmp_path, "# nobody yet\n") == {}


def test_limits_are_read_and_what_is_not_given_is_no_limit(tmp_path: Path) -> None:
    members = written(
        tmp_path, "alpha: {weight: 2, gpus: 1, hours: 20-08}\nbeta: {gpu_hours_a_day: 6.5}\n"
    )
    assert members["alpha"] == Member(2.0, 1.0, math.inf, Hours(20, 8))
    assert members["beta"] == Member(1.0, math.inf, 6.5)


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [("20-08", (20, 23, 0, 7), (8, 12, 19)), ("9-17", (9, 16), (8, 17, 0)), ("0-24", (0, 23), ())],
)
def test_hours_go_over_midnight(
    hours: str, inside: tuple[int, ...], outside: tuple[int, ...]
) -> None:
    parsed = Hours.parse(hours, "hours")
    for hour in inside:
        assert parsed.include(datetime.datetime(2026, 1, 1, hour, 30))
    for hour in outside:
        assert not parsed.include(datetime.datetime(2026, 1, 1, hour, 30))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("alpha: [", "is no YAML"),
        ("- alpha", "must map members to their limits"),
        ("alpha: 2", "alpha must have keys"),
        ("alpha: {weigth: 2}", "did you mean weight"),
        ("alpha: {weight: -1}", r"alpha.weight=-1 must be a number, 0 or more"),
        ("alpha: {weight: .inf}", "must be a number"),
        ("alpha: {weight: true}", "must be a number"),
        ("alpha: {gpus: many}", r"alpha.gpus=many must be a number"),
        ("alpha: {hours: 25-3}", "two full hours from 0 to 24"),
        ("alpha: {hours: night}", "two full hours"),
        ("alpha: {weight: 0}\nbeta: {weight: 0}", "all weights are 0"),
        ("../alpha: {weight: 1}", "must be up to 63 letters"),
        ("'<b>': {weight: 1}", "must be up to 63 letters"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        written(tmp_path, text)
    assert "\n" not in str(error.value)


def test_a_file_of_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "members.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_members(tmp_path / "members.yaml")
