"""Trials run on cards while there is room on one, and without where machines have none."""

from __future__ import annotations

from sweeps.driver.contract import Slots
from sweeps.driver.running import RunningTrials
from sweeps.trials import State
from tests.sweeps.driver.sessions import Sit

CONFIG = {"resources": {"cpu": 1.0, "gpu": 0.5}, "seed": 1}


def test_cards_are_filled_first_and_a_configuration_says_what_its_trial_has() -> None:
    running, slots = RunningTrials(), Slots(3, 3, on_cards=1)
    assert running.add("a", CONFIG, slots)["resources"] == {"cpu": 1.0, "gpu": 0.5}
    assert running.add("b", CONFIG, slots) == {"resources": {"cpu": 1.0, "gpu": 0.0}, "seed": 1}
    assert CONFIG["resources"] == {"cpu": 1.0, "gpu": 0.5}
    assert (running.on_cards, len(running), running.gpus("a"), running.gpus("b")) == (1, 2, None, 0)
    assert running.kinds(["a", "b"], slots) == [(["a"], 1), (["b"], 2)]
    running.discard("a")
    assert running.add("c", CONFIG, slots)["resources"]["gpu"] == 0.5
    assert "a" not in running


def test_where_all_are_alike_nothing_is_changed() -> None:
    running, slots = RunningTrials(), Slots(1, 1)
    assert [running.add(name, CONFIG, slots) for name in "ab"] == [CONFIG, CONFIG]
    assert running.kinds(["b", "a"], slots) == [(["b", "a"], 1)]


MIXED = ("stop=none", "epochs=5", "resources.gpu=0.5")


class TestMixed:
    def test_of_those_on_cards_and_without_each_gives_way_to_its_kind(self, sit: Sit) -> None:
        one = sit(*MIXED)
        one.driver.share(Slots(4, 4, on_cards=2))
        trials = [one.next() for _ in range(4)]
        assert [t.config["resources"]["gpu"] for t in trials] == [0.5, 0.5, 0, 0]
        good_card, bad_card, good_cpu, bad_cpu = (t.trial for t in trials)
        assert one.driver.on_cards == 2
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
        assert one.driver.running == 1
        one.driver.share(Slots(1, 2, on_cards=0))
        assert one.epoch(trial, 1, 0.5), "its card is another sweep's"
        back = one.next()
        assert (back.trial, back.after, back.config["resources"]["gpu"]) == (trial, 1, 0)
        assert one.driver.on_cards == 0

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
