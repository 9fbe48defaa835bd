"""Trials run on cards while there is room on one, and without where machines have none."""

from __future__ import annotations

from sweeps.driver.contract import Assignment, Slots
from sweeps.driver.running import RunningTrials
from sweeps.trials import State, TrialRecord
from tests.sweeps.driver.sessions import DriverSession, Sit

RESOURCES = {"cpu": 1.0, "gpu": 0.5, "gpu_memory_gb": None}
CONFIG = {"resources": RESOURCES, "seed": 1}


def record(trial: str, alone: str = "") -> TrialRecord:
    return TrialRecord(trial, 0, State.RUNNING, alone=alone)


def test_cards_are_filled_first_and_a_configuration_says_what_its_trial_has() -> None:
    running, slots = RunningTrials(0.5), Slots(3, 3, on_cards=1)
    assert running.add(record("a"), CONFIG, slots)["resources"] == RESOURCES
    assert running.add(record("b"), CONFIG, slots) == {
        "resources": {**RESOURCES, "gpu": 0.0},
        "seed": 1,
    }
    assert CONFIG["resources"]["gpu"] == 0.5
    assert (running.on_cards, len(running), running.gpus("a"), running.gpus("b")) == (1, 2, None, 0)
    assert running.kinds(["a", "b"], slots) == [(["a"], 1), (["b"], 2)]
    running.discard("a")
    assert running.add(record("c"), CONFIG, slots)["resources"]["gpu"] == 0.5
    assert "a" not in running


def test_where_all_are_alike_nothing_is_changed() -> None:
    running, slots = RunningTrials(0.5), Slots(1, 1)
    assert [running.add(record(name), CONFIG, slots) for name in "ab"] == [CONFIG, CONFIG]
    assert running.kinds(["b", "a"], slots) == [(["b", "a"], 1)]


MIXED = ("stop=none", "epochs=5", "resources.gpu=0.5")


class TestMixed:
    def test_of_those_on_cards_and_without_each_gives_way_to_its_kind(self, sit: Sit) -> None:
        one = sit(*MIXED)
        one.driver.share(Slots(4, 4, on_cards=2))
        trials = [one.next() for _ in range(4)]
        assert [t.config["resources"]["gpu"] for t in trials] == [0.5, 0.5, 0, 0]
        good_card, bad_card, good_cpu, bad_cpu = (t.trial for t in trials)
        assert one.driver.running.on_cards == 2
        for trial, value in zip(
            (good_card, bad_card, good_cpu, bad_cpu), (9, 8, 3, 2), strict=True
        ):
            assert not one.epoch(trial, 1, value / 10)
        one.driver.share(Slots(3, 4, on_cards=1))
        assert not one.epoch(good_cpu, 2, 0.3)
        assert not one.epoch(bad_cpu, 2, 0.2), "the worst of all, but not on a card"
        assert one.epoch(bad_card, 2, 0.8)
        one.driver.share(Slots(2, 4, on_cards=1))
        assert not one.epoch(good_card, 2, 0.9)
        assert one.epoch(bad_cpu, 3, 0.2)

    def test_what_gave_way_goes_on_where_there_is_room(self, sit: Sit) -> None:
        one = sit(*MIXED)
        one.driver.share(Slots(1, 1, on_cards=1))
        trial = one.next().trial
        assert len(one.driver.running) == 1
        one.driver.share(Slots(1, 2, on_cards=0))
        assert one.epoch(trial, 1, 0.5), "its card is another sweep's"
        back = one.next()
        assert (back.trial, back.after, back.config["resources"]["gpu"]) == (trial, 1, 0)
        assert one.driver.running.on_cards == 0

    def test_gpu_hours_are_of_those_on_cards_and_on_record(self, sit: Sit) -> None:
        words = ("budget.gpu_hours=1", "budget.trials=null", *MIXED)
        one = sit(*words)
        one.driver.share(Slots(2, 2, on_cards=1))
        card, cpu = one.next().trial, one.next().trial
        assert not one.epoch(cpu, 1, seconds=100_000)
        assert not one.epoch(card, 1, seconds=3600)
        two = sit(*words)
        two.driver.share(Slots(2, 2, on_cards=1))
        assert two.record(card).gpu_s(0.5) == 1800
        assert two.record(cpu).gpu_s(0.5) == 0
        assert two.next().trial == card
        assert two.epoch(card, 2, seconds=3600)
        assert two.record(card).reason == "the budget of 1 GPU-h is spent"
        assert two.record(card).state is State.STOPPED


def out_of_memory(one: DriverSession, trial: str) -> bool:
    """What is done of a trial that tells that it ran out of memory."""
    if one.driver.try_alone(trial, "out of GPU memory"):
        return True
    one.driver.failed(trial, State.FAILED, "out of GPU memory")
    return False


def resources(assignment: Assignment) -> tuple[float, float | None]:
    given = assignment.config["resources"]
    return given["gpu"], given["gpu_memory_gb"]


class TestOutOfMemory:
    SHARED = ("stop=none", "epochs=3", "resources.gpu=0.25", "resources.gpu_memory_gb=4")

    def test_a_trial_is_tried_once_more_alone_after_all_others(self, sit: Sit) -> None:
        one = sit(*self.SHARED)
        one.driver.share(Slots(4, 4))
        first, *others = (one.next() for _ in range(4))
        assert resources(first) == (0.25, 4)
        assert not one.epoch(first.trial, 1)
        assert out_of_memory(one, first.trial)
        assert one.record(first.trial).state is State.RUNNING
        assert one.driver.wanted == 3 + 4
        assert one.driver.next() is None, "there is room for one, not for a card's worth"
        one.finish(others[0])
        one.finish(others[1])
        assert one.driver.next() is None
        one.finish(others[2])
        assert not one.driver.finished
        again = one.next()
        assert (again.trial, again.after, resources(again)) == (first.trial, 1, (1.0, None))
        assert one.driver.running.slots == 4, "as many as the card holds"
        assert not one.epoch(again.trial, 2, seconds=10.0)
        assert one.record(again.trial).gpu_s(0.25) == 1 * 0.25 + 10.0
        assert not out_of_memory(one, again.trial)
        record = one.record(again.trial)
        assert (record.state, record.reason) == (State.FAILED, "out of GPU memory")
        assert one.driver.next() is None
        assert one.driver.finished

    def test_it_goes_first_where_a_cards_worth_of_slots_is_free(self, sit: Sit) -> None:
        one = sit(*self.SHARED)
        one.driver.share(Slots(8, 8))
        first, second = one.next().trial, one.next().trial
        assert out_of_memory(one, first)
        again = one.next()
        assert (again.trial, resources(again)) == (first, (1.0, None))
        assert one.driver.running.slots == 5
        one.driver.share(Slots(4, 4))
        assert not one.epoch(again.trial, 1, 0.1), "four for the one, one too many for the other"
        assert one.epoch(second, 1, 0.9)

    def test_a_resume_knows_that_it_was_tried(self, sit: Sit) -> None:
        one = sit(*self.SHARED)
        trial = one.next().trial
        assert out_of_memory(one, trial)
        two = sit(*self.SHARED)
        two.driver.share(Slots(1, 1))
        others = [two.next() for _ in range(3)]
        assert trial not in [other.trial for other in others]
        for other in others:
            two.finish(other)
        again = two.next()
        assert (again.trial, resources(again)) == (trial, (1.0, None))
        assert not two.epoch(trial, 1), "it keeps a card of which the sweep has one slot"
        assert not out_of_memory(two, trial)

    def test_who_had_a_whole_card_or_none_has_failed_at_once(self, sit: Sit) -> None:
        for words in (("resources.gpu=1",), ("resources.gpu=2",), ("resources.gpu=0",)):
            one = sit("stop=none", *words)
            assert not out_of_memory(one, one.next().trial)

    def test_a_whole_card_of_which_a_part_was_allowed_is_tried_whole(self, sit: Sit) -> None:
        one = sit("stop=none", "resources.gpu=1", "resources.gpu_memory_gb=4")
        one.driver.share(Slots(1, 1))
        trial = one.next().trial
        assert out_of_memory(one, trial)
        again = one.next()
        assert (again.trial, resources(again)) == (trial, (1.0, None))
        assert not one.epoch(trial, 1)
        assert one.study.trial(trial).moments[1].gpus is None, "as many cards as usual"

    def test_who_ran_without_a_card_is_tried_on_one_if_any_is_left(self, sit: Sit) -> None:
        words = ("stop=none", "resources.gpu=1", "epochs=3")
        one = sit(*words)
        one.driver.share(Slots(2, 2, on_cards=1))
        card, cpu = one.next(), one.next()
        assert out_of_memory(one, cpu.trial)
        one.finish(card)
        again = one.next()
        assert (again.trial, resources(again)) == (cpu.trial, (1.0, None))
        one.driver.share(Slots(1, 1, on_cards=0))
        assert one.epoch(again.trial, 1), "the machine with cards has gone"
        rest = [one.next(), one.next()]
        assert cpu.trial not in [other.trial for other in rest]
        for other in rest:
            one.finish(other)
        assert one.driver.next() is None
        assert one.record(cpu.trial).reason == "out of GPU memory; no card is left to try it alone"
        assert one.driver.finished
