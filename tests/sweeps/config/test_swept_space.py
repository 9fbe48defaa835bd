"""What varies is found in `space:` and on the command line, and checked."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.config.keys import plain
from sweeps.space.dimensions import Choice, Interval
from tests.sweeps.config.test_composition import composed, draw, space_of, space_of_experiment
from trainers.errors import ConfigError


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
        [
            "experiment=a,b",
            "stop=glob(*)",
            "checkpoint.keep=all,best_and_last",
            "budget.trials=1,2",
        ],
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
