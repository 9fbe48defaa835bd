"""Leases: who may hold how many slots, as words come and stay away."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path

import pytest
import ray

from cluster.sharing.arbiter import Sharing, _end_other
from cluster.sharing.shares import Machine
from sweeps.backend.claim import LEASE_S, Claim

NOON = datetime.datetime(2026, 11, 29, 12).timestamp()


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Cluster:
    """Four CPUs and what sessions say to their arbiter."""

    def __init__(self, folder: Path, clock: Clock, recovered: bool = False) -> None:
        self.machines = [Machine(4)]
        self.clock = clock
        self.sharing = Sharing(
            lambda: self.machines, folder / "members.yaml", folder / "usage.json", recovered, clock
        )
        self.held: dict[str, int] = {}

    def beat(self, name: str, wanted: int = 4, held: int | None = None, **more: object) -> int:
        """A session's word: it holds what it was granted unless it is said."""
        held = self.held.get(name, 0) if held is None else held
        claim = Claim(name, name, f"of-{name}", {"CPU": 1.0}, wanted, held)
        slots = self.sharing.beat(replace(claim, **more)).slots  # type: ignore[arg-type]
        self.held[name] = min(slots, wanted)
        return slots


@pytest.fixture
def cluster(tmp_path: Path, clock: Clock) -> Cluster:
    return Cluster(tmp_path, clock)


def test_one_has_all_and_gives_half_to_a_second_as_its_trials_let_go(cluster: Cluster) -> None:
    assert cluster.beat("a") == 4
    assert cluster.beat("b") == 0, "all are held"
    assert cluster.beat("a", held=4) == 2, "it is to let two go"
    assert cluster.beat("b") == 0, "none has been let go yet"
    assert cluster.beat("a", held=3) == 2
    assert cluster.beat("b") == 1
    assert cluster.beat("a", held=2) == 2
    assert cluster.beat("b") == 2


def test_a_slot_is_granted_once(cluster: Cluster) -> None:
    cluster.beat("a", wanted=2)
    assert cluster.beat("b", wanted=4) == 2
    assert cluster.beat("c", wanted=4, held=0) == 0
    assert cluster.beat("b", held=1) == 1, "c's one"
    assert cluster.beat("c", held=0) == 1
    assert cluster.beat("d", held=0) == 0, "booked, though c does not hold it yet"


def test_who_is_silent_loses_its_slots(cluster: Cluster, clock: Clock) -> None:
    cluster.beat("a")
    assert cluster.beat("b") == 0
    clock.now += LEASE_S + 1
    assert cluster.beat("b") == 4


def test_who_ends_gives_back_at_once(cluster: Cluster) -> None:
    cluster.beat("a")
    assert cluster.beat("a", wanted=0, held=0) == 0
    assert cluster.beat("b") == 4
    assert len(cluster.sharing.status()["sessions"]) == 1


def test_what_cannot_be_divided_is_given_in_turns(cluster: Cluster, clock: Clock) -> None:
    cluster.machines = [Machine(3)]
    slot_s = {"a": 0.0, "b": 0.0}
    for _ in range(200):
        for name in slot_s:
            slot_s[name] += cluster.beat(name, wanted=3)
        clock.now += 1.0
    assert slot_s["a"] + slot_s["b"] == pytest.approx(600, rel=0.05)
    assert slot_s["a"] == pytest.approx(slot_s["b"], rel=0.1)


def test_weights_are_held_over_time(cluster: Cluster, clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "members.yaml").write_text("of-a: {weight: 2.5}\n")
    cluster.machines = [Machine(5)]
    slot_s = {"a": 0.0, "b": 0.0}
    for _ in range(400):
        for name in slot_s:
            slot_s[name] += cluster.beat(name, wanted=5)
        clock.now += 1.0
    assert slot_s["a"] / slot_s["b"] == pytest.approx(2.5, rel=0.1)


def test_two_sweeps_of_a_member_share_its_weight(cluster: Cluster) -> None:
    for _ in range(3):
        given = [
            cluster.beat("a1", member="a"),
            cluster.beat("a2", member="a"),
            cluster.beat("b", member="b"),
        ]
    assert given == [1, 1, 2]


def test_hours_and_gpu_hours_stop_and_say_so(
    cluster: Cluster, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / "members.yaml").write_text(
        "night: {hours: 20-08}\nheavy: {gpu_hours_a_day: 1}\none: {gpus: 1}\n"
    )
    cluster.machines = [Machine(8, cards=2)]
    claim = Claim("n", "n", "night", {"CPU": 1.0}, 4, 0)
    grant = cluster.sharing.beat(claim)
    assert (grant.slots, grant.limit) == (0, "night's hours are 20-08")
    gpu = {"CPU": 1.0, "GPU": 1.0}
    one = cluster.sharing.beat(Claim("o", "o", "one", gpu, 2, 0))
    assert (one.slots, one.limit) == (1, "one may have 1 card at once")
    heavy = Claim("h", "h", "heavy", gpu, 2, 1)
    assert cluster.sharing.beat(heavy).slots == 1
    for _ in range(3700 // 10):
        clock.now += 10.0
        grant = cluster.sharing.beat(heavy)
    assert (grant.slots, grant.limit) == (0, "heavy has had today's 1 GPU-hours")
    again = Cluster(tmp_path, clock)
    again.machines = cluster.machines
    assert again.sharing.beat(replace(heavy, held=0)).slots == 0, "it is on disk"
    clock.now += 86400.0
    assert again.sharing.beat(replace(heavy, held=0)).slots == 2, "a new day"


def test_two_sweeps_of_a_member_divide_the_cards_it_may_have(
    cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "members.yaml").write_text("a: {gpus: 3}\n")
    cluster.machines = [Machine(32, cards=8)]
    gpu = {"CPU": 1.0, "GPU": 1.0}
    first = Claim("1", "1", "a", gpu, 8, 0)
    assert cluster.sharing.beat(first).slots == 3
    second = Claim("2", "2", "a", gpu, 8, 0)
    assert cluster.sharing.beat(second).slots == 0, "its member has three"
    grant = cluster.sharing.beat(replace(first, held=3))
    assert (grant.slots, grant.limit) == (2, "a may have 3 cards at once")
    assert cluster.sharing.beat(second).slots == 0, "none has been let go yet"
    assert cluster.sharing.beat(replace(first, held=2)).slots == 2
    assert cluster.sharing.beat(second).slots == 1
    assert cluster.sharing.beat(Claim("3", "3", "b", gpu, 8, 0)).slots == 5
    assert cluster.sharing.beat(replace(first, wanted=0)).slots == 0
    assert cluster.sharing.beat(replace(second, held=1)).slots == 3


def test_of_slots_anywhere_only_those_on_cards_count_as_cards(
    cluster: Cluster, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / "members.yaml").write_text("a: {gpus: 1, gpu_hours_a_day: 1}\n")
    cluster.machines = [Machine(8, cards=2), Machine(3)]
    slot = {"CPU": 1.0, "GPU": 1.0}
    claim = Claim("s", "s", "a", slot, 5, 0, anywhere=True)
    grant = cluster.sharing.beat(claim)
    assert (grant.slots, grant.on_cards) == (4, 1)
    assert grant.limit == "a may have 1 card at once"
    other = Claim("o", "o", "b", slot, 5, 0, anywhere=True)
    assert cluster.sharing.beat(other).on_cards == 1
    for _ in range(3700 // 10):
        clock.now += 10.0
        grant = cluster.sharing.beat(replace(claim, held=4, on_cards=1))
    assert cluster.sharing.status()["gpu_hours"]["a"] == pytest.approx(1.02, abs=0.01)
    assert (grant.slots, grant.on_cards, grant.limit) == (3, 0, "a has had today's 1 GPU-hours")


def test_the_card_that_is_given_up_is_granted_and_no_other_slot(cluster: Cluster) -> None:
    cluster.machines = [Machine(8, cards=2), Machine(2)]
    slot = {"CPU": 1.0, "GPU": 1.0}
    first = Claim("f", "f", "f", slot, 4, 0, anywhere=True)
    assert cluster.sharing.beat(first).slots == 4
    second = Claim("s", "s", "s", slot, 4, 0)
    assert cluster.sharing.beat(second).slots == 0
    grant = cluster.sharing.beat(replace(first, held=4, on_cards=2))
    assert (grant.slots, grant.on_cards) == (3, 1), "one is to leave its card, two stay without"
    assert cluster.sharing.beat(second).slots == 0
    grant = cluster.sharing.beat(replace(first, held=3, on_cards=1))
    assert (grant.slots, grant.on_cards) == (3, 1)
    assert cluster.sharing.beat(second).slots == 1


def test_a_members_file_that_is_broken_changes_nothing(
    cluster: Cluster, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / "members.yaml").write_text("of-a: {weight: 3}\n")
    cluster.beat("a")
    (tmp_path / "members.yaml").write_text("of-a: {weight: x}\n")
    clock.now += 2.0
    for _ in range(2):
        given = cluster.beat("a", held=3), cluster.beat("b")
    assert given == (3, 1)
    assert "must be a number" in cluster.sharing.status()["problem"]


def test_after_a_crash_nothing_grows_before_all_are_known(tmp_path: Path, clock: Clock) -> None:
    cluster = Cluster(tmp_path, clock, recovered=True)
    assert cluster.beat("b") == 0, "there may be others"
    assert cluster.beat("a", held=3) == 2
    assert cluster.beat("b") == 0
    clock.now += 6.0
    assert cluster.beat("a", held=3) == 2
    assert cluster.beat("b") == 1


def test_a_record_of_use_that_is_no_record_is_begun_anew(tmp_path: Path, clock: Clock) -> None:
    for text in ("", "[]", "{", json.dumps({"day": 3, "h": [1]})):
        (tmp_path / "usage.json").write_text(text)
        assert Cluster(tmp_path, clock).beat("a") == 4


@pytest.mark.parametrize("error", [ValueError("no such actor"), AssertionError("no code of it")])
def test_the_arbiter_of_the_head_before_may_be_past_ending(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get_actor(name: str, namespace: str) -> None:
        raise error

    monkeypatch.setattr(ray, "get_actor", get_actor)
    _end_other(b"arbiter-before", "arbiter-now")
