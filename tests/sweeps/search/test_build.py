"""Building a search tells what it does with previous trials, and with a key's own value."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from optuna.samplers import PartialFixedSampler, TPESampler

from sweeps.search.build import build, includes_own_values
from sweeps.search.samplers import Sampled
from sweeps.search.search import Setting
from tests.sweeps.search.test_search import space

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
