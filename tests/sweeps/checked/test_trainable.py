"""What only the data and the models show is refused beforehand, where the data can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.checked import trainable
from sweeps.checked.check import check
from sweeps.config.composition import compose
from trainers.errors import ConfigError, DataError

WORDS = ("space=null", "model.width=8,16", "search=grid", "epochs=5", "stop=none")


def look(*words: str, proposes: bool = True) -> None:
    with compose([*WORDS, *words]) as composition:
        trainable.check(check(composition), proposes)


def test_what_can_be_trained_is_passed() -> None:
    look()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("norm=batch", "batch_size=1"), "batch_size"),
        (("model.max_parameters=10",), "model.max_parameters"),
        (("activation=relu,prelu", "activation.init=9"), "activation"),
        (('require=["parameters < 5"]',), "parameters < 5"),
    ],
)
def test_what_no_trial_could_be_is_refused(words: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        look(*words)


def test_a_later_stage_of_a_plan_may_yet_be_proposed_what_can_be() -> None:
    look('require=["parameters < 5"]', proposes=False)


@pytest.mark.parametrize("data", ["hw1p2", "hw1p2_legacy", "libriphone", "tensors"])
def test_data_that_is_nowhere_is_refused(data: str, tmp_path: Path) -> None:
    task = "classes" if data == "tensors" else "phonemes"
    with pytest.raises(DataError, match=str(tmp_path)):
        look(f"task={task}", f"data={data}", f"data.root={tmp_path}/none")


def test_data_that_could_be_fetched_is_not_looked_at(tmp_path: Path) -> None:
    look("data=mnist", f"data.root={tmp_path}", "model.max_parameters=10")
    assert not list(tmp_path.iterdir())


def test_data_that_is_read_first_is_not_built(tmp_path: Path) -> None:
    look("task=phonemes", "data=synthetic_phonemes", f"data.cache={tmp_path}")
    assert not list(tmp_path.iterdir())
