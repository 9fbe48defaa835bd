"""Trials of previous sweeps are gathered for a new one, and what was done to them is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from sweeps.results_folder import Folder
from sweeps.search.build import build
from sweeps.transfer.gather import gather
from sweeps.transfer.previous_sweeps import read
from tests.sweeps.transfer.test_previous_sweeps import LR, ROOT, composed, lines, run
from trainers.errors import ConfigError


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sweep called a."""
    where = tmp_path_factory.mktemp("results")
    run(where, "a", LR, "model.width=16,32", "epochs=3", "search=random")
    return where


class TestGathering:
    def test_says_what_was_done_and_what_was_other(self, there: Path) -> None:
        previous = read(Folder(there / "a"))
        kept = sum(t.params["model.width"] == 32 for t in previous.recorded.trials)
        assert 0 < kept < 6
        assert lines(there, LR, "model.depth=2,3", "model.width=32", "from_sweep=a") == [
            f"{kept} of 6 scored trials feed the search; it had epochs=3 (now 40)",
            f"model.depth was not swept: 2 in {kept} trials",
            f"model.width is 32 now and was different: {6 - kept} trial{'s' * (kept < 5)} left out",
        ]

    def test_a_group_had_the_choice_that_its_command_line_made(self, tmp_path: Path) -> None:
        run(tmp_path, "a", LR, "optimizer=sgd", trials=3)
        words = (LR, "optimizer=adamw,sgd", "optimizer.momentum=interval(0,0.8)")
        assert lines(tmp_path, *words, "from_sweep=a") == [
            "3 of 3 scored trials feed the search",
            "optimizer was not swept: sgd in 3 trials",
            "optimizer.momentum was not swept: 0.9 in 3 trials",
            "optimizer.momentum clipped to 0 to 0.8: 3 trials",
        ]

    def test_a_key_of_a_swept_group_is_as_the_trial_had_it(self, tmp_path: Path) -> None:
        values = ("optimizer=adamw,sgd", "optimizer.lr=0.1,0.01")
        run(tmp_path, "a", *values, "search=grid", trials=4)
        words = (*values, "optimizer.momentum=interval(0,0.95)")
        found = lines(tmp_path, *words, "from_sweep=a")
        assert found[:2] == [
            "4 of 4 scored trials feed the search",
            "optimizer.momentum was not swept: 0.9 in 2 trials",
        ]

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            ((LR, "task.metric=val_loss"), "its objective was the highest val_accuracy"),
            ((LR, "task.metric=val_loss"), "this sweep's is the lowest val_loss: name"),
            (
                ("optimizer.lr=0.5,0.6", "model.width=16,32"),
                r"none of its 6 scored trials fits this space: optimizer.lr is none of 0.5, 0.6 "
                r"\(6\)\.\nWiden the space",
            ),
        ],
    )
    def test_refused(self, there: Path, words: tuple[str, ...], told: str) -> None:
        with pytest.raises(ConfigError, match=told):
            lines(there, *words, "from_sweep=a")

    def test_refused_without_a_score(self, tmp_path: Path) -> None:
        run(tmp_path, "a", LR, trials=0)
        with pytest.raises(ConfigError, match="none of its 0 trials has a score yet"):
            lines(tmp_path, LR, "from_sweep=a")

    def test_only_some_searches_take_heed_and_the_others_say_so(self, there: Path) -> None:
        taught = set()
        with composed(there, LR, "model.width=16,32", "search=random", "from_sweep=a") as sweep:
            for path in sorted((ROOT / "conf" / "search").glob("*.yaml")):
                if path.stem in ("grid", "brute", "ablation"):  # which take no interval
                    continue
                config = OmegaConf.to_container(OmegaConf.load(path))
                assert isinstance(config, dict)
                transfer = gather(replace(sweep, search=build(config, sweep.search.setting)))
                if transfer.trials:
                    taught.add(path.stem)
                else:
                    assert transfer.messages == (
                        "from_sweep: search=random does not learn from previous sweeps; search=tpe "
                        "and search=gp do",
                    )
        assert taught == {"tpe", "gp"}

    def test_other_data_are_noted(self, there: Path) -> None:
        with composed(there, LR, "model.width=16,32", "from_sweep=a") as sweep:
            transfer = gather(sweep)
        assert transfer.of_other_data("data") == ()
        (message,) = transfer.of_other_data("others")
        assert message.startswith("from_sweep=a: its data are not those")
