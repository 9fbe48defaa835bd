"""Under population-based training a trial changes only what leaves its checkpoint whole."""

from __future__ import annotations

import pytest

from sweeps.checked.pbt_keys import check_checkpoints_fit
from tests.sweeps.driver.test_pbt_generations import checked
from trainers.errors import ConfigError


class TestRefusals:
    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("model.width=16,32",), r"model\.width cannot change while a trial trains"),
            (("seed=0,1",), r"seed cannot change .*\(seed=0\)"),
            (("epochs=4,6",), r"epochs cannot change"),
            (("optimizer.fused=true,false",), r"optimizer\.fused cannot change"),
            (("schedule.warmup=0,1",), r"schedule\.warmup cannot change"),
            (("first.epochs=1,2",), r"first\.epochs cannot change"),
            (("budget.trials=null", "budget.hours=1"), r"budget\.trials is the size of the popul"),
            (("budget.trials=1",), r"needs 2 or more, not 1: budget\.trials=16"),
            (("epochs=2",), r"no trial would ever be replaced, as no trial of epochs=2"),
            (("stop.interval=9",), r"a shorter stop\.interval, or more epochs"),
            (("stop.quantile=0.9",), r"stop\.quantile above 0 and at most 0\.5"),
        ],
    )
    def test_before_anything_runs(self, words: tuple[str, ...], told: str) -> None:
        with pytest.raises(ConfigError, match=told):
            checked(*words)


class TestCheckpoints:
    def test_of_numbers_fit_each_other(self) -> None:
        check_checkpoints_fit(checked())
        check_checkpoints_fit(checked("optimizer.weight_decay=0,0.1", "batch_size=16,32"))

    def test_that_do_not_fit_are_refused(self) -> None:
        """RMSprop has a momentum buffer for each weight with a momentum, and none without."""
        words = ("optimizer=rmsprop", "optimizer.momentum=0.0,0.9")
        with pytest.raises(ConfigError, match=r"momentum=0(\.0)? cannot go on with"):
            check_checkpoints_fit(checked(*words))

    def test_of_other_rules_are_not_looked_at(self) -> None:
        check_checkpoints_fit(checked("stop=none", "model.width=16,32"))
