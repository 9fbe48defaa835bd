"""A value given for a key of a swept group applies where its choice has the key, or takes it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from sweeps.checked.check import check
from sweeps.commands.resume import resume
from sweeps.config.choice_values import without_sweeps
from sweeps.config.composition import compose
from sweeps.config.keys import plain
from sweeps.config.overrides import key_of
from sweeps.config.swept_space import refuse_unapplied, swept_space
from tests.sweeps.config.test_composition import composed, draw, space_of
from tests.sweeps.conftest import Ran, Ray
from trainers.errors import ConfigError

OPTIMIZERS = ("space=null", "optimizer=adamw,sgd")


def optimizers(*words: str) -> dict[str, dict[str, object]]:
    """Each choice of the optimizer, composed with these words."""
    with composed(*OPTIMIZERS, *words) as (made, _):
        return {
            name: plain(made.trial({"optimizer": name}))["optimizer"] for name in ("adamw", "sgd")
        }


class TestFixed:
    def test_applies_where_the_key_is(self) -> None:
        found = optimizers("optimizer.momentum=0.7")
        assert found["sgd"]["momentum"] == 0.7
        assert "momentum" not in found["adamw"]

    def test_applies_to_what_an_experiment_sweeps(self) -> None:
        with composed("optimizer.momentum=0.7") as (made, space):  # of the quickstart
            assert "optimizer" in space.keys
            assert "optimizer.momentum" not in space.keys
            assert plain(made.trial({"optimizer": "sgd"}))["optimizer"]["momentum"] == 0.7

    def test_is_appended_where_it_is_taken(self) -> None:
        found = optimizers("+optimizer.amsgrad=true")
        assert found["adamw"]["amsgrad"] is True
        assert "amsgrad" not in found["sgd"]

    def test_is_deleted_where_it_is(self) -> None:
        found = optimizers("~optimizer.nesterov")
        assert "nesterov" not in found["sgd"]
        assert found["adamw"] == optimizers()["adamw"]

    def test_holds_a_condition_only_where_the_key_is(self) -> None:
        condition = "+when={model.width: 'optimizer.momentum > 0.5'}"
        space, _ = space_of("optimizer=adamw,sgd", "optimizer.momentum=0.7", condition)
        drawn = [draw(space, seed) for seed in range(8)]
        assert {point["optimizer"] for point in drawn if "model.width" in point} == {"sgd"}
        assert {point["optimizer"] for point in drawn} == {"adamw", "sgd"}


class TestSwept:
    def test_is_appended_where_it_is_taken(self) -> None:
        with composed(*OPTIMIZERS, "+optimizer.amsgrad=true,false") as (made, space):
            drawn = list(space.enumerate())
            assert drawn == [
                {"optimizer": "adamw", "optimizer.amsgrad": True},
                {"optimizer": "adamw", "optimizer.amsgrad": False},
                {"optimizer": "sgd"},
            ]
            assert [plain(made.trial(p))["optimizer"].get("amsgrad") for p in drawn] == [
                True,
                False,
                None,
            ]
            assert made.as_is(space, {})["optimizer.amsgrad"] is False, "AdamW's own default"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("optimizer.momentun=0.7",), "did you mean optimizer.momentum?"),
        (("+optimizer.amsgrid=true",), "none of optimizer=adamw, sgd takes amsgrid"),
        (("~optimizer.momentun",), "did you mean optimizer.momentum?"),
        (("+optimizer.momentum=0.7",), "set it without a plus"),
        (("space.optimizer.momentum=0.7",), "space=null has no keys below it"),
        (("space={optimizer.lr: [0.1, 0.2]}",), "space=null is given too"),
        (("plan.x=1",), "has no keys below it"),
        (("+optimizer.amsgrid=true,false",), "optimizer.amsgrid"),
    ],
)
def test_what_no_choice_has_is_refused(words: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        space_of(*OPTIMIZERS, *words)
    assert told in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_choice_that_lacks_a_key_is_told_with_those_that_have_it() -> None:
    with pytest.raises(ConfigError, match="optimizer=adamw has no such key; rmsprop, sgd have"):
        space_of("space=null", "optimizer=adamw", "optimizer.momentum=0.7", "epochs=1,2")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("optimizer=sgd", "+optimizer.amsgrad=true,false"),
            "+optimizer.amsgrad=true,false: optimizer=sgd takes no amsgrad; adam, adamw do",
        ),
        (
            ("optimizer=sgd", "++optimizer.amsgrad=true", "model.width=8,16"),
            "++optimizer.amsgrad=true: optimizer=sgd takes no amsgrad; adam, adamw do",
        ),
        (
            ("optimizer=sgd,rmsprop", "+optimizer.amsgrad=true"),
            "+optimizer.amsgrad=true: none of optimizer=sgd, rmsprop takes amsgrad; adam, adamw do",
        ),
        (
            ("optimizer=sgd,rmsprop", "+optimizer.amsgrad=true,false"),
            "+optimizer.amsgrad=true,false: none of optimizer=sgd, rmsprop takes amsgrad; "
            "adam, adamw do",
        ),
        (
            ("optimizer=adamw", "optimizer.momentum=0.7,0.9"),
            "optimizer.momentum: optimizer=adamw has no such key; rmsprop, sgd have",
        ),
        (
            ("optimizer=sgd,rmsprop", "optimizer.betas=[0.9,0.99]"),
            "optimizer.betas: none of optimizer=sgd, rmsprop has such a key; adam, adamw have",
        ),
        (
            ("optimizer=sgd,rmsprop", "optimizer.lr_decay=0.1,0.2"),
            "optimizer.lr_decay: none of optimizer=sgd, rmsprop has such a key; adagrad has",
        ),
    ],
)  # fmt: skip
def test_choices_that_lack_a_key_are_told_with_those_that_would_do(
    words: tuple[str, ...], told: str
) -> None:
    """A default choice that none of the trials makes does not count: it is adamw here."""
    with pytest.raises(ConfigError) as refusal:
        space_of("space=null", *words)
    assert str(refusal.value) == told
    named = told.rpartition("; ")[2].split()[0].rstrip(",")
    space_of("space=null", f"optimizer={named}", *words[1:2], "model.width=8,16")


def test_a_single_choice_is_told_the_same_before_a_diagnosis() -> None:
    with (
        compose(("optimizer=sgd", "+optimizer.amsgrad=true")) as composition,
        pytest.raises(ConfigError, match="optimizer=sgd takes no amsgrad; adam, adamw do"),
    ):
        refuse_unapplied(composition)


@pytest.mark.parametrize(
    "words",
    [
        # what is built decides, not what the choice is called
        ("optimizer=sgd", "optimizer._target_=torch.optim.Adam", "~optimizer.nesterov",
         "~optimizer.momentum", "~optimizer.fused", "+optimizer.amsgrad=true", "epochs=1,2"),
        # of the code that builds a model, not of its class
        ("++model.max_parameters=1000", "epochs=1,2"),
        ("optimizer=sgd", "+optimizer._convert_=all", "epochs=1,2"),
        # the configuration as it is, with adamw, is one of those that are tried
        ("optimizer=sgd,rmsprop", "+optimizer.amsgrad=true,false", "search=ablation"),
        ("optimizer=sgd,rmsprop", "optimizer.betas=[0.8,0.9]", "model.width=8,16",
         "+when={optimizer: 'model.width > 8'}"),
    ],
)  # fmt: skip
def test_what_some_trial_takes_is_not_refused(words: tuple[str, ...]) -> None:
    with compose(("space=null", *words)) as composition:
        assert check(composition).space.parameters


def test_a_key_of_the_space_that_no_swept_choice_has_is_left_out_and_told() -> None:
    space, told = space_of("optimizer=adam,adamw")  # of the quickstart, with a momentum of sgd
    assert "optimizer.momentum" not in space.keys
    assert "optimizer.momentum is not swept: optimizer=adam,adamw has no such key" in told


@pytest.mark.parametrize(
    "word",
    [
        "optimizer.momentun=0.7",
        "optimizer.lrr=0.1",
        "lr=0.1",
        "trials=3",
        "epochz=3",
        "budget.trails=3",
        "modle.width=16",
        "optimizer.dropout=0.1",
        "optimizer.betaz=[0.8,0.9]",
        "clip.norms=1.0",
        "optimiser=adam",
        "search.sede=3",
        "data.fractoin=0.5",
        "checkpoint.kep=all",
        "space.optimizer.momentum=0.5",
        "+space.optimizer.momentum=0.5",
        "objectives.parameters=min",
    ],
)
def test_a_hint_is_never_refused(word: str) -> None:
    """What the message names is given in the place of what was wrong, with the same value."""
    others = ("optimizer=adamw,sgd", "stop=none")
    with pytest.raises(ConfigError) as refusal:
        space_of(*others, word)
    told, value = str(refusal.value), word.partition("=")[2]
    if "did you mean " in told:
        better = f"{told.partition('did you mean ')[2].rstrip('?')}={value}"
    else:
        named = [part.strip(",:").partition("=") for part in told.split()]
        better = next(
            f"{key}={value}"
            for key, equals, _ in reversed(named)
            if (equals and key.lstrip("+") != key_of(word)) or key.startswith("+")
        )
    with composed(*(o for o in others if key_of(o) != key_of(better)), better) as (made, _):
        assert better in made.overrides


def test_the_words_of_a_configuration_to_be_printed() -> None:
    words = ["optimizer=adamw,sgd", "optimizer.momentum=0.7", "model.width=8", "epochs=1,2"]
    assert without_sweeps(words) == ["model.width=8"]


def test_a_sweep_with_such_words_is_run_and_extended(
    sweep_without_ray: Callable[..., Ran], without_ray: Ray
) -> None:
    words = ("optimizer=sgd,adamw", "optimizer.momentum=0.7", "+optimizer.amsgrad=true")
    ran = sweep_without_ray(*words, "optimizer.lr=0.01,0.02", "epochs=1", "budget.trials=2")
    assert ran.code == 0
    resume("s", [f"results={ran.folder.path.parent}", "budget.trials=+2"], without_ray)
    assert json.loads(ran.folder.summary.read_text())["trials"] == 4
    with composed(*words, "space=null") as (made, _):
        assert swept_space(made)[0].keys == ("optimizer",)
    trained = [path.read_text() for path in sorted(ran.folder.trials.glob("*/config.yaml"))]
    assert sum("momentum: 0.7" in text and "torch.optim.SGD" in text for text in trained) == 2
    assert sum("amsgrad: true" in text and "torch.optim.AdamW" in text for text in trained) == 2
