"""A search is built, or refused in a line; it says what it does with trials of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from optuna.samplers import PartialFixedSampler, RandomSampler, TPESampler

from sweeps.search.build import build, includes_own_values
from sweeps.search.samplers import Sampled
from sweeps.search.search import Setting
from tests.sweeps.search.test_samplers import GRID, MIXED, RANDOM, TPE, of_conf, space
from trainers.errors import ConfigError

CONF = sorted((Path(__file__).resolve().parents[3] / "conf/search").glob("*.yaml"))
CHOICES = space("width=16,32", "lr=0.1,0.2")


@pytest.mark.parametrize("path", CONF, ids=lambda path: path.stem)
def test_only_bayesian_searches_learn_from_what_they_have_not_proposed(path: Path) -> None:
    setting = Setting(CHOICES, as_is=lambda given: {"width": 16, "lr": 0.1, **given})
    search = build(yaml.safe_load(path.read_text()), setting)
    assert search.learns == (path.stem in ("tpe", "gp"))


def test_a_sampler_of_somebody_elses_is_taken_to_learn() -> None:
    own = Sampled(lambda seed: PartialFixedSampler({}, TPESampler(seed=seed)), Setting(CHOICES))
    assert own.learns


@pytest.mark.parametrize("path", CONF, ids=lambda path: path.stem)
def test_only_an_ablation_wants_a_keys_own_value_among_those_listed(path: Path) -> None:
    config = yaml.safe_load(path.read_text())
    assert includes_own_values(config) == (path.stem == "ablation")


class Own(RandomSampler):
    """A sampler of somebody else's."""

    def __init__(self, keep: float, seed: int | None = None) -> None:
        super().__init__(seed)
        self.keep = keep


def test_any_sampler_of_optunas_kind_is_taken() -> None:
    config = {"_target_": f"{__name__}.Own", "_partial_": True, "keep": 0.5}
    search = build(config, Setting(CHOICES))
    assert isinstance(search, Sampled)
    assert isinstance(search.sampler(1), Own)
    assert search.learns


class TestRefusals:
    @pytest.mark.parametrize(
        ("settings", "told"),
        [
            ({**TPE, "n_startup": 3}, "n_startup"),
            ({**RANDOM, "n_startup_trials": 3}, "n_startup_trials"),
            ({**TPE, "multivariate": False}, "multivariate"),  # group needs it
            ({**RANDOM, "_target_": "optuna.samplers.TPESmpler"}, "TPESampler"),
            ({"_target_": "sweeps.search.Gird"}, "Grid"),
            ({**GRID, "order": "random"}, "order"),
            ({**RANDOM, "_target_": "optuna.samplers.BruteForceSampler"}, "step"),  # an interval
            (of_conf("nsga2", population_size=1), "population_size"),
        ],
    )
    def test_of_settings(self, settings: dict[str, Any], told: str) -> None:
        with pytest.raises(ConfigError) as refusal:
            build(settings, Setting(MIXED))
        message = str(refusal.value)
        assert told in message
        assert settings["_target_"] in message
        assert len(message.splitlines()) <= 2, message
