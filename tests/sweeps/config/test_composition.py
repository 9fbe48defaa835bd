"""Trials are ordinary Hydra compositions of conf/."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra import compose as hydra_compose
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from sweeps.checked.check import check
from sweeps.config.composition import Composition, compose
from sweeps.config.keys import plain
from sweeps.config.swept_space import swept_space
from sweeps.space.space import Space
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError


@pytest.fixture(autouse=True)
def anew(compose_anew: Callable[[], None]) -> None:
    """Hydra composes the whole of it each time, as it does for a person."""
    compose_anew()


def space_of(*overrides: str) -> tuple[Space, list[str]]:
    with compose(overrides) as composition:
        return swept_space(composition)


def draw(space: Space, seed: int) -> dict[str, Any]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return space.suggest(study.ask())


@contextmanager
def composed(*overrides: str) -> Iterator[tuple[Composition, Space]]:
    with compose(overrides) as composition:
        yield composition, swept_space(composition)[0]


@cache
def space_of_experiment(name: str) -> Space:
    """Two seconds of combinations of groups."""
    return space_of(f"experiment={name}")[0]


class TestTrial:
    def test_swaps_whole_groups(self) -> None:
        with composed("space=null", "optimizer=adamw,sgd", "optimizer.lr=0.1,0.2") as (made, _):
            sgd = plain(made.trial({"optimizer": "sgd", "optimizer.lr": 0.2}))["optimizer"]
            adamw = plain(made.trial({"optimizer": "adamw", "optimizer.lr": 0.1}))["optimizer"]
        assert sgd["_target_"] == "torch.optim.SGD"
        assert (sgd["lr"], sgd["momentum"]) == (0.2, 0.9)
        assert "betas" not in sgd
        assert adamw["_target_"] == "torch.optim.AdamW"
        assert adamw["lr"] == 0.1
        assert "momentum" not in adamw

    def test_leaves_the_base_alone(self) -> None:
        with composed("space=null", "optimizer=adamw,sgd", "model.width=1,2") as (made, _):
            before = plain(made.base)
            made.trial({"optimizer": "sgd", "model.width": 2})
            assert plain(made.base) == before
            assert plain(made.trial({"optimizer": "adamw", "model.width": 64})) == before

    def test_follows_interpolations(self) -> None:
        with composed("space=null", "epochs=3,5") as (made, _):
            assert plain(made.trial({"epochs": 5}))["schedule"]["epochs"] == 5
            assert plain(made.trial({"epochs": 3}))["schedule"]["epochs"] == 3

    def test_keeps_what_is_fixed_for_all(self) -> None:
        fixed = ("optimizer.weight_decay=0.5", "data.fraction=0.5", "batch_size=7")
        with composed("space=null", "optimizer=adamw,sgd", *fixed) as (made, _):
            assert made.fixed == ("space=null", *fixed)
            for choice in ("adamw", "sgd"):
                trial = plain(made.trial({"optimizer": choice}))
                assert trial["optimizer"]["weight_decay"] == 0.5
                assert trial["data"]["fraction"] == 0.5
                assert trial["batch_size"] == 7

    def test_says_what_was_chosen(self) -> None:
        with composed("search=random", "stop=median", "space=null") as (made, _):
            assert (made.choice("search"), made.choice("stop")) == ("random", "median")
            assert {"asha", "median", "none"} <= set(made.options("stop"))
            assert made.options("optimizer.lr") == []
            assert made.options("nothing") == []

    @pytest.mark.parametrize("experiment", ["quickstart", "mnist"])
    def test_is_what_hydra_composes(self, experiment: str) -> None:
        space = space_of_experiment(experiment)
        with compose([f"experiment={experiment}", "seed=3", "label_smoothing=0.1"]) as made:

            @given(st.integers(0, 2**32 - 1))
            @settings(max_examples=3)
            def check(seed: int) -> None:
                params = draw(space, seed)
                words = [*made.fixed, *(f"{key}={written(value)}" for key, value in params.items())]
                assert plain(made.trial(params)) == plain(hydra_compose("sweep", words))

            check()


class TestRefusals:
    @pytest.mark.parametrize(
        ("override", "told"),
        [
            ("optimizer=adamww", "did you mean adamw"),
            ("epochs=abc", "abc"),
            ("epochs=[1", "is not an override"),
        ],
    )
    def test_of_fixed_overrides(self, override: str, told: str) -> None:
        with pytest.raises(ConfigError, match=told) as refusal, compose([override]):
            pass
        assert len(str(refusal.value).splitlines()) <= 2, str(refusal.value)

    def test_of_a_key_that_the_choices_of_a_trial_lack(self) -> None:
        momentum = pytest.raises(ConfigError, match=r"optimizer\.momentum")
        with composed("space=null") as (made, _), momentum:
            made.trial({"optimizer": "adamw", "optimizer.momentum": 0.5})


@pytest.mark.parametrize("histograms", [True, False])
def test_a_tracker_of_ones_own_needs_no_keys_of_ours(histograms: bool, tmp_path: Path) -> None:
    (tmp_path / "track").mkdir()
    (tmp_path / "track" / "mine.yaml").write_text("_target_: sweeps.tracking.NullTracker\n")
    words = [f"hydra.searchpath=[file://{tmp_path}]", "track=mine", f"histograms={histograms}"]
    with compose(["space=null", "epochs=1,2", *words]) as composition:
        sweep = check(composition)
    assert sweep.config["track"] == {"_target_": "sweeps.tracking.NullTracker"}
    assert sweep.training.histograms is histograms


@pytest.mark.parametrize("track", ["none", "wandb"])
def test_histograms_are_kept_where_they_are_asked_for(track: str) -> None:
    for words, kept in (
        ([], False),
        (["histograms=true"], True),
        (["track.histograms=true"], True),
    ):
        with compose([f"track={track}", *words]) as composition:
            assert composition.base.histograms is kept
            assert "track.histograms=true" not in composition.overrides  # as records had it once


@pytest.mark.parametrize(
    "words",
    [
        ("experiment=quickstart", "optimizer.lr=0.1,0.2"),
        ("experiment=mnist", "debug=tiny", "model=mlp,cnn", "stop=pbt"),
        ("from_sweep=a,b", "space=null"),
        ("study=postgresql://me:hunter2@127.0.0.1/group", "space=null"),
    ],
    ids=" ".join,
)
def test_the_base_is_what_hydra_composes_without_what_is_swept(words: tuple[str, ...]) -> None:
    with compose(words) as composition:
        taken = OmegaConf.to_container(composition.base)
        composition._variants.clear()
        assert OmegaConf.to_container(composition.variant({})) == taken
    assert "hunter2" not in repr(taken)
