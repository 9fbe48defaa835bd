"""The course's slide of progressive stages is in conf/ as it stands there, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import pytest

from sweeps.checked.check import check
from sweeps.config.composition import compose
from sweeps.config.keys import value_at
from sweeps.launch.stages import stages

TOY = "data=synthetic_phonemes"

#: Stage -> key -> what the slide lists. A norm on "each layer" is one on every layer.
SLIDE: dict[int, dict[str, tuple[object, ...]]] = {
    1: {
        "data.context": (8, 16),
        "model.depth": (2,),
        "activation": ("relu",),
        "model.shape": ("pyramid", "cylinder"),
        "model.dropout": (0.0,),
        "norm": ("none",),
        "schedule": ("none",),
        "init": ("default",),
        "optimizer": ("adam",),
    },
    2: {
        "data.context": (16,),
        "model.depth": (4,),
        "activation": ("relu",),
        "model.shape": ("cylinder", "inverse_pyramid", "diamond"),
        "model.dropout": (0.0,),
        "norm": ("none",),
        "schedule": ("none",),
        "init": ("default",),
        "optimizer": ("adam", "adagrad"),
    },
    3: {
        "data.context": (16, 32, 48),
        "model.depth": (4, 6),
        "activation": ("softplus", "relu"),
        "model.shape": ("cylinder",),
        "model.dropout": (0.25,),
        "norm": ("none",),
        "schedule": ("plateau",),
        "init": ("xavier_normal", "normal"),
        "optimizer": ("adam",),
    },
    4: {
        "data.context": (32,),
        "model.depth": (6,),
        "activation": ("softplus", "tanh"),
        "model.shape": ("cylinder",),
        "model.dropout": (0.25, 0.35),
        "norm": ("none", "batch"),
        "schedule": ("plateau",),
        "init": ("kaiming_normal", "xavier_normal"),
        "optimizer": ("adam",),
    },
    5: {
        "data.context": (32,),
        "model.depth": (5, 6),
        "activation": ("softplus",),
        "model.shape": ("cylinder", "diamond"),
        "model.dropout": (0.25,),
        "norm": ("batch",),
        "schedule": ("plateau",),
        "init": ("kaiming_normal",),
        "optimizer": ("adam",),
    },
}


def trials(*words: str) -> list[Mapping[str, object]]:
    """Every configuration of a stage, in the slide's keys."""
    keys = SLIDE[1].keys()
    with compose([*words, TOY]) as composition:
        sweep = check(composition)
        assert sweep.choice("search") == "grid"
        assert sweep.trials == sweep.space.size()
        found = []
        for params in sweep.space.enumerate():
            config, _ = composition.training(params)
            chosen = {
                key: params.get(key, composition.choice(key))
                if composition.options(key)
                else value_at(config, key)
                for key in keys
            }
            assert value_at(config, "augment._target_").endswith("none")
            if chosen["norm"] != "none":
                assert value_at(config, "norm.layers") == "every"
            found.append(chosen)
        return found


def listed(stage: int) -> list[Mapping[str, object]]:
    row = SLIDE[stage]
    return [dict(zip(row, values, strict=True)) for values in product(*row.values())]


@pytest.mark.parametrize("stage", SLIDE)
def test_a_stage_alone_tries_what_the_slide_lists(stage: int) -> None:
    found = trials(f"experiment=hw1p2_slides_stage{stage}")
    assert sorted(map(str, found)) == sorted(map(str, listed(stage)))


def test_so_do_the_stages_of_the_plan_whatever_has_won_before() -> None:
    with compose(["experiment=hw1p2_slides", TOY]) as composition:
        plan = stages(composition)
    assert [stage.experiment for stage in plan] == [f"hw1p2_slides_stage{n}" for n in SLIDE]
    for stage in plan:
        found = trials(*stage.words(()))
        assert sorted(map(str, found)) == sorted(map(str, listed(stage.number)))
        # A key that an earlier stage sweeps keeps the winner's value, unless this stage says.
        own = {word.partition("=")[0] for word in stage.overrides}
        for earlier in range(1, stage.number):
            for key, values in SLIDE[earlier].items():
                if len(values) > 1 and len(SLIDE[stage.number][key]) == 1:
                    assert key in own, (stage.number, key)
