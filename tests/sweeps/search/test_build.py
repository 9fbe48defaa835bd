"""A search is built, or refused in a line; it says what it does with trials of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler, TPESampler

from sweeps.search.build import build, includes_own_values, notes_of
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


def no_seed() -> RandomSampler:
    """A function, which makes a sampler that is drawn from for a whole session."""
    return RandomSampler()


class Through(TPESampler):
    """Hands on what it is given."""

    def __init__(self, startup: int = 3, **others: Any) -> None:
        super().__init__(n_startup_trials=startup, **others)


@pytest.mark.parametrize(
    ("target", "seeded"),
    [
        ("optuna.samplers.TPESampler", True),
        ("optuna.samplers.QMCSampler", True),
        (f"{__name__}.Own", True),
        (f"{__name__}.Through", True),
        (f"{__name__}.no_seed", False),
    ],
)
def test_a_class_or_a_function_is_taken_as_it_is_named(target: str, seeded: bool) -> None:
    keep = {"keep": 0.5} if target.endswith("Own") else {}
    search = build({"_target_": target, **keep}, Setting(CHOICES))
    assert isinstance(search.sampler(1), BaseSampler)
    assert isinstance(search, Sampled)
    assert search.seeded == seeded
    assert notes_of(search) == (
        []
        if seeded
        else [
            "search: no_seed takes no seed: it proposes otherwise in another run, and what it "
            "keeps in memory is lost with a resume"
        ]
    )


def nothing() -> int:
    """A function that makes no sampler."""
    return 3


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
            ({**TPE, "_target_": f"{__name__}.no_seed"}, "search=random search._target_="),
            ({"_target_": "optuna.samplers.GridSampler"}, "search_space"),
            (
                {"_target_": "optuna.samplers.PartialFixedSampler", "fixed_params": {"lr": 7}},
                "base_sampler",
            ),
            ({"_target_": "optuna.samplers.BaseGASampler", "population_size": 3}, "abstract"),
        ],
    )
    def test_of_settings(self, settings: dict[str, Any], told: str) -> None:
        with pytest.raises(ConfigError) as refusal:
            build(settings, Setting(MIXED))
        message = str(refusal.value)
        assert told in message
        assert settings["_target_"] in message
        assert len(message.splitlines()) <= 2, message

    def test_of_what_makes_no_sampler(self) -> None:
        with pytest.raises(ConfigError, match="must make an Optuna sampler, and made a int"):
            build({"_target_": f"{__name__}.nothing"}, Setting(MIXED))

    def test_of_what_proposes_outside_the_space(self) -> None:
        fixed = {"_target_": "optuna.samplers.PartialFixedSampler", "fixed_params": {"x": 7}}
        base = {"base_sampler": {"_target_": "optuna.samplers.RandomSampler"}}
        told = "PartialFixedSampler proposes x=7.0, which is not in the space: 0 to 1"
        with pytest.raises(ConfigError, match=told):
            build({**fixed, **base}, Setting(space("x=interval(0,1)")))
