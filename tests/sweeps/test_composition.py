"""Trials are ordinary Hydra compositions of conf/."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra import compose as hydra_compose
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.composition import Composition, compose, dotted, exists, plain
from sweeps.dimensions import Choice, Interval
from sweeps.space import Space, written
from sweeps.sweep import check
from trainers.errors import ConfigError
from trainers.fit import fit


def space_of(*overrides: str) -> tuple[Space, list[str]]:
    with compose(overrides) as composition:
        return composition.space()


def draw(space: Space, seed: int) -> dict[str, Any]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return space.suggest(study.ask())


@contextmanager
def composed(*overrides: str) -> Iterator[tuple[Composition, Space]]:
    with compose(overrides) as composition:
        yield composition, composition.space()[0]


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


class TestSpace:
    def test_of_the_quickstart(self) -> None:
        space = space_of_experiment("quickstart")
        when = {p.key: {group: set(allowed) for group, allowed in p.when} for p in space.parameters}
        assert when == {
            "model": {},
            "norm": {},
            "optimizer": {},
            "model.width": {},
            "model.depth": {},
            "model.channels": {"model": {"cnn"}},
            "model.dropout": {},
            "optimizer.lr": {},
            "optimizer.momentum": {"optimizer": {"sgd"}},
        }

    @given(st.integers(0, 2**32 - 1))
    @settings(max_examples=20)
    def test_keys_are_there_exactly_under_their_choices(self, seed: int) -> None:
        params = draw(space_of_experiment("quickstart"), seed)
        assert ("model.channels" in params) == (params["model"] == "cnn")
        assert ("optimizer.momentum" in params) == (params["optimizer"] == "sgd")
        assert {"model.width", "optimizer.lr", "norm"} <= set(params)

    def test_the_command_line_adds_and_takes_precedence(self) -> None:
        words = ("model.width=8,16", "epochs=range(2,5)", "optimizer=adam,sgd", "norm=none")
        found = {p.key: p.dimension for p in space_of("model=cnn", *words)[0].parameters}
        assert found["model.width"] == Choice((8, 16))
        assert found["epochs"] == Interval(2, 4, integer=True)
        assert found["optimizer"] == Choice(("adam", "sgd"))
        assert found["model.depth"] == Choice((1, 2, 3))  # of the experiment still

    def test_a_fixed_value_removes_the_entry(self) -> None:
        with composed("model.width=99", "norm=layer", "model=mlp") as (made, space):
            assert "model.width" not in space.keys
            assert "norm" not in space.keys
            trial = plain(made.trial(draw(space, 0)))
        assert trial["model"]["width"] == 99
        assert trial["norm"]["_target_"] == "trainers.models.norm.layer"

    def test_a_key_that_a_fixed_choice_lacks_is_left_out_with_a_note(self) -> None:
        space, notes = space_of("optimizer=adamw", "norm=none")
        assert "optimizer.momentum" not in space.keys
        assert notes == ["optimizer.momentum is not swept: optimizer=adamw has no such key"]
        space, notes = space_of("optimizer=sgd", "model=mlp", "norm=none")
        assert "optimizer.momentum" in space.keys
        assert notes == ["model.channels is not swept: model=mlp has no such key"]

    def test_null_takes_the_whole_space_away(self) -> None:
        assert space_of("space=null", "epochs=1,2")[0].keys == ("epochs",)
        assert space_of("space=null")[0].keys == ()

    def test_a_key_with_a_null_value_exists(self) -> None:
        with composed("space=null", "resources.gpu_memory_gb=null,2.0") as (made, _):
            values = [
                plain(made.trial({"resources.gpu_memory_gb": v}))["resources"]["gpu_memory_gb"]
                for v in (None, 2.0)
            ]
        assert values == [None, 2.0]


class TestConditions:
    SPACE = ("space=null", "model.depth=1,2,3", "model.width=8,16", "optimizer=adamw,sgd")

    def test_are_of_the_configuration(self) -> None:
        when = """+when={model.width: 'model.depth >= 2', optimizer: 'model.width > 8'}"""
        with composed(*self.SPACE, when) as (made, space):
            assert space.keys == ("model.depth", "model.width", "optimizer")
            assert space.size() == 1 + 2 * (1 + 2)
            trial = plain(made.trial(next(space.enumerate())))
        assert (trial["model"]["depth"], trial["model"]["width"]) == (1, 64), "as configured"

    def test_give_way_to_what_is_fixed(self) -> None:
        """A key that is fixed on the command line is no longer of the `space:` of an experiment."""
        when = """+when={model.width: 'model.depth >= 2', norm: 'model == "mlp"'}"""
        space, notes = space_of(when, "model.depth=1", "model=mlp")
        assert "model.width" not in space.keys
        assert "model.width is not swept: model.depth >= 2 never holds" in notes
        assert {p.key: p.only for p in space.parameters}["norm"] is None
        space, _ = space_of(when, "model.width=32")
        assert {p.key for p in space.parameters if p.only} == {"norm"}

    def test_null_takes_them_all_away(self) -> None:
        assert not any(p.only for p in space_of(*self.SPACE, "when=null")[0].parameters)

    @pytest.mark.parametrize(
        ("when", "told"),
        [
            ("{batch_size: 'model.depth > 1'}", "when.batch_size: there is no such swept key"),
            ("{model.width: 'batch_size > 1'}", "batch_size: there is no such swept key"),
            ("{model.width: 'model.dpeth > 1'}", "did you mean model.depth"),
            (
                "{model.width: 'optimizer == \"sgd\"', optimizer: 'model.width > 8'}",
                "optimizer needs model.width needs optimizer",
            ),
        ],
    )
    def test_that_make_no_sense_are_refused(self, when: str, told: str) -> None:
        with pytest.raises(ConfigError, match=told) as refusal:
            space_of(*self.SPACE, f"+when={when}")
        assert len(str(refusal.value).splitlines()) <= 2

    @pytest.mark.parametrize("word", ["when.a=1,2", "require=[a],[b]"])
    def test_are_the_same_for_all_trials(self, word: str) -> None:
        with pytest.raises(ConfigError, match="is the same for all trials"):
            space_of("space=null", word)

    def test_without_the_plus_that_hydra_wants_say_so(self) -> None:
        with pytest.raises(ConfigError, match=r"with a plus: '\+when=\{…\}'"):
            space_of(*self.SPACE, "when={model.width: 'model.depth > 1'}")


class TestRefusals:
    @pytest.mark.parametrize(
        "word",
        ["name=a,b", "stop=glob(*)", "checkpoint.keep=all,best_and_last", "budget.trials=1,2"],
    )
    def test_of_what_is_the_same_for_all_trials(self, word: str) -> None:
        key = word.partition("=")[0]
        with pytest.raises(ConfigError, match=f"{key} is the same for all trials") as refusal:
            space_of(word)
        assert len(str(refusal.value).splitlines()) <= 2

    @pytest.mark.parametrize("key", ["stop", "budget.trials"])
    def test_of_the_same_in_yaml(self, key: str) -> None:
        with pytest.raises(ConfigError, match=f"{key} is the same for all trials"):
            space_of(f"+space={{{key}: '1,2'}}")

    def test_not_of_the_names_of_an_enum(self) -> None:
        """Both are valid values of `precision`, and so is each alone."""
        assert space_of("space=null", "precision=fp32,bf16")[0].keys == ("precision",)

    @pytest.mark.parametrize(
        ("override", "told"),
        [
            ("search.n_startup_trials=1,2", "search.n_startup_trials is the same for all"),
            ("optimizer.lrr=0.1,0.2", "did you mean optimizer.lr"),
            ("model.width=a,b", "model.width must be an integer"),
            ("model.width=1.5,2.5", "model.width must be an integer"),
            ("model.width=interval(16,64)", r"int\(interval\(low,high\)\)"),
            ("epochs=interval(1,9)", "epochs"),
            ("epochs=0,5", "epochs must be 1 or more, not 0"),
            ("optimizer.lr=interval(0,1)", "optimizer.lr must be above 0"),
            ("optimizer.lr=0.1,true", "optimizer.lr must be a number"),
            ("optimizer.fused=0,1", "optimizer.fused must be true or false"),
            ("precision=fp64,fp32", "precision.*fp64"),
            ("label_smoothing=0.1,1.5", "label_smoothing must be from 0"),
            ("optimizer.weight_decay=0.1,none", "optimizer.weight_decay must be a number"),
            ("+model.nothing=1,2", "model.nothing"),
        ],
    )
    def test_of_values(self, override: str, told: str) -> None:
        with pytest.raises(ConfigError, match=told) as refusal:
            space_of("space=null", override)
        assert len(str(refusal.value).splitlines()) <= 2, str(refusal.value)

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


def test_dotted_lists_every_value_and_exists_knows_them() -> None:
    with composed("space=null") as (made, _):
        keys = list(dotted(made.base))
        assert {"epochs", "optimizer.lr", "optimizer.betas", "resources.gpu_memory_gb"} <= set(keys)
        assert all(exists(made.base, key) for key in keys)
        assert not any("_target_" in key for key in keys)
        assert not exists(made.base, "optimizer.momentum")
        assert not exists(made.base, "epochs.deeper")


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


class TestDebug:
    @pytest.mark.parametrize(
        ("preset", "epochs", "trials"), [("overfit", 10, 4), ("one_epoch", 1, 2), ("tiny", 3, 4)]
    )
    def test_wins_over_the_experiment_and_takes_not_its_name(
        self, preset: str, epochs: int, trials: int
    ) -> None:
        with compose(["experiment=mnist", f"debug={preset}"]) as composition:
            config = plain(composition.base)
        assert (config["epochs"], config["budget"]["trials"]) == (epochs, trials)
        assert config["name"] == "debug-mnist"
        assert config["batch_size"] == 128  # the experiment's
        assert config["data"]["fraction"] == (0.02 if preset == "tiny" else 0.25)

    def test_gives_way_to_the_command_line(self) -> None:
        with compose(["debug=tiny", "name=mine", "epochs=7", "data.fraction=0.5"]) as composition:
            base = composition.base
        assert (base.name, base.epochs, base.data.fraction, base.steps) == ("mine", 7, 0.5, 20)

    def test_changes_nothing_where_it_is_not_chosen(self) -> None:
        with compose([]) as composition:
            assert "debug" not in plain(composition.base)

    def test_holds_for_each_trial(self) -> None:
        with composed("debug=one_epoch", "space=null", "optimizer=adamw,sgd") as (made, _):
            assert plain(made.trial({"optimizer": "sgd"}))["epochs"] == 1

    @pytest.mark.parametrize("words", [["debug=tiny,overfit"], ["+space.debug=[tiny,overfit]"]])
    def test_is_not_swept(self, words: list[str]) -> None:
        with pytest.raises(ConfigError, match="debug is the same for all trials"):
            space_of(*words)

    @pytest.mark.parametrize("data", ["digits", "circles"])
    def test_overfit_learns_one_batch_by_heart_and_little_else(self, data: str) -> None:
        with compose(["debug=overfit", f"data={data}"]) as composition:
            training = composition.training({})[1]
        *_, last = fit(training)
        first = next(fit(training))
        assert last.metrics["train_loss"] < 0.05 < first.metrics["train_loss"]
        assert last.metrics["val_loss"] > 10 * last.metrics["train_loss"]
