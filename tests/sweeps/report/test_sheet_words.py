"""The cells of the ablation sheet say in words what a trial was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.findings.finding import Effect, Findings
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.report.sheet import sheet
from sweeps.report.sheet_files import csv_text, xlsx_bytes
from sweeps.report.sheet_words import Words
from sweeps.results_folder import Folder
from sweeps.space.dimensions import Choice, Interval
from sweeps.trials import Objective, Source, State, TrialRecord

DIMENSIONS = {
    "activation": Choice(("relu", "gelu")),
    "model.dropout": Interval(0.0, 0.5),
    "data.context": Choice((15, 24)),
    "optimizer.lr": Interval(1e-4, 1e-1, log=True),
    "label_smoothing": Interval(0.0, 0.2),
    "seed": Choice((0, 1)),
}
CONFIG: dict[str, Any] = {
    "epochs": 10,
    "batch_size": 128,
    "label_smoothing": 0.0,
    "seed": 0,
    "data": {"_target_": "trainers.data.phonemes.hw1p2.load", "fraction": 0.2, "context": 15},
    "model": {
        "_target_": "trainers.models.mlp.MLP", "width": 64, "depth": 3, "shape": "pyramid",
        "widths": None, "dropout": 0.0,
    },
    "norm": {"_target_": "trainers.models.norm.batch", "momentum": 0.1, "position": "before"},
    "activation": {"_target_": "torch.nn.ReLU", "_partial_": True},
    "schedule": {"_target_": "trainers.schedules.cosine", "epochs": 10, "warmup": 1},
    "optimizer": {
        "_target_": "torch.optim.AdamW", "lr": 0.003,
        "weight_decay": 0.01, "fused": True,
    },
}  # fmt: skip
BASE = {
    "activation": "relu", "model.dropout": 0.0, "data.context": 15, "optimizer.lr": 0.003,
    "label_smoothing": 0.0, "seed": 0,
}  # fmt: skip


def trial(number: int, score: float = 0.5, **more: Any) -> TrialRecord:
    known: dict[str, Any] = {
        "params": BASE,
        "epochs": {1: {"val_accuracy": score}},
        "state": State.COMPLETE,
    }
    return TrialRecord(f"{number:04d}", number, **(known | more))


BASELINE = trial(0)


def swept(
    *trials: TrialRecord,
    configs: Mapping[str, Mapping[str, Any]] | None = None,
    baseline: bool = True,
    **config: Any,
) -> RecordedSweep:
    content = {**CONFIG, "baseline": baseline, **config}
    return RecordedSweep(
        folder=Folder(Path("nowhere")),
        config=content,
        overrides=[],
        choices={"norm": "batch", "data": "hw1p2", "optimizer": "adamw"},
        data="",
        made_by={},
        uid="",
        wall_s=0.0,
        objectives=(Objective("val_accuracy", True),),
        dimensions=DIMENSIONS,
        trials=(BASELINE, *trials) if baseline else trials,
        remarks=(),
        attributes={},
        _configs={one.id: (configs or {}).get(one.id, content) for one in (BASELINE, *trials)},
    )


def words(*trials: TrialRecord, findings: Findings = Findings(()), **more: Any) -> Words:  # noqa: B008
    return Words(swept(*trials, **more), findings)


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({}, "as the baseline"),
        ({"activation": "gelu"}, "activation gelu instead of relu"),
        (
            {"data.context": 24, "activation": "gelu"},
            "activation gelu instead of relu, context 24 instead of 15",
        ),
        (
            {"data.context": 24, "activation": "gelu", "model.dropout": 0.25, "optimizer.lr": 1e-4},
            "activation gelu, dropout 0.25, context 24, lr 0.0001",
        ),
    ],
)
def test_titles_say_what_was_changed(changes: Mapping[str, object], title: str) -> None:
    other = trial(1, params=BASE | changes)
    assert words(other).title(other) == title
    assert words(other).title(BASELINE) == "baseline"
    alone = words(other, baseline=False)
    assert alone.title(other) == title, "the configuration stands in for a baseline that never ran"


def test_titles_of_what_no_search_has_proposed() -> None:
    child = trial(1, params=BASE | {"optimizer.lr": 0.01}, source=Source("0000", epoch=5))
    assert words(child).title(child) == (
        "goes on from 0000 after epoch 5; lr 0.01 instead of 0.003"
    )


def test_a_key_that_only_some_choices_have_takes_the_place_of_nothing() -> None:
    other = trial(1, params={"activation": "gelu", "model.channels": 16})
    assert words(other).title(other) == "activation gelu instead of relu, model.channels 16"


def test_cells_of_the_configuration() -> None:
    other = trial(1, params=BASE | {"label_smoothing": 0.1, "seed": 1})
    told = words(other)
    assert told.data(other) == "hw1p2, 20 %"
    assert told.layers(other) == "64, 32, 16"
    assert told.choice("norm", ("position",))(other) == "batch (position before)"
    assert told.choice("schedule", None)(other) == "cosine (warmup 1)"
    assert told.choice("optimizer", None)(other) == "adamw (weight_decay 0.01)"
    assert told.choice("activation", ())(other) == "relu"
    assert told.epochs(other) == "1 of 10"
    assert told.others(other) == "label_smoothing 0.1, seed 1"
    assert told.dropout(other) == 0.0


@pytest.mark.parametrize(
    ("model", "layers"),
    [
        ({"_target_": "trainers.models.mlp.MLP", "widths": [9, 3]}, "9, 3"),
        (
            {
                "_target_": "trainers.models.mlp.LayeredMLP",
                "depth": 2,
                "layers": [{"width": w, "dropout": 0.1} for w in (8, 4, 2)],
            },
            "8, 4",
        ),
        (
            {"_target_": "trainers.models.skip.ResidualMLP", "width": 8, "blocks": 2},
            "8, 8, 8, 8 residual",
        ),
        ({"_target_": "trainers.models.skip.DenseMLP", "width": 8, "depth": 2}, "8, 8 dense"),
        (
            {"_target_": "trainers.models.cnn.CNN", "channels": 8, "depth": 2, "width": 64},
            "8, 16 channels, 64",
        ),
        ({"_target_": "mylab.Perceiver", "width": 8}, "perceiver"),
        ({"_target_": "trainers.models.mlp.MLP", "width": 8}, "mlp"),
        (
            {
                "_target_": "trainers.models.mlp.MLP",
                "width": 8,
                "depth": 10**12,
                "shape": "diamond",
            },
            "mlp",
        ),
        ({"_target_": "trainers.models.mlp.MLP", "width": "<b>", "depth": 1, "shape": "?"}, "mlp"),
        (
            {"_target_": "trainers.models.cnn.CNN", "channels": "x", "depth": 200, "width": 8},
            "cnn",
        ),
        ("no mapping", ""),
    ],
)
def test_layers_are_the_list_of_widths(model: object, layers: str) -> None:
    other = trial(1)
    assert words(other, configs={"0001": {"model": model}}).layers(other) == layers


def effect(key: str, level: Any, reference: Any, low: float, high: float) -> Effect:
    return Effect(key, level, reference, (low + high) / 2, low, high, 0, 10, ())


def test_what_worked_is_the_findings_effect_of_the_change() -> None:
    effects = (
        effect("activation", "gelu", "relu", 0.001, 0.007),
        effect("data.context", 24, 15, -0.5, -0.25),
        effect("label_smoothing", 0.1, 0.0, -0.1, 0.2),
        effect("optimizer.lr", 0.1, 1e-4, -math.inf, math.inf),
    )
    changes = {"activation": "gelu", "data.context": 24, "label_smoothing": 0.1}
    other = trial(1, 0.6, params=BASE | changes | {"optimizer.lr": 0.01})
    told = words(other, findings=Findings((), effects)).verdict(other)
    assert told.splitlines() == [
        "0.1000 better than the baseline, one run",
        "activation gelu instead of relu: worked, +0.004 (+0.001 to +0.007)",
        "context 24 instead of 15: did not work, -0.38 (-0.5 to -0.25)",
        "cannot be told: label_smoothing, lr",
    ]


def test_of_an_interval_an_effect_is_about_what_was_crossed() -> None:
    effects = (
        effect("optimizer.lr", 0.01, 0.002, 0.1, 0.2),
        effect("optimizer.lr", 0.1, 0.01, -0.2, -0.1),
        effect("optimizer.lr", 0.002, 0.0001, 0.3, 0.4),
    )
    other = trial(1, 0.5, params=BASE | {"optimizer.lr": 0.008})
    told = words(other, findings=Findings((), effects)).verdict(other)
    assert told.splitlines()[1:] == ["lr 0.01 instead of 0.002: worked, +0.15 (+0.1 to +0.2)"]


def test_what_a_trial_did_not_change_is_no_finding_of_it() -> None:
    effects = (effect("activation", "gelu", "relu", 0.1, 0.2),)
    other = trial(1, 0.4, params=BASE | {"activation": "tanh"})
    told = words(other, findings=Findings((), effects))
    assert told.verdict(other) == "0.1000 worse than the baseline, one run"
    assert told.verdict(BASELINE) == ""
    failed = replace(other, state=State.FAILED)
    assert told.verdict(failed) == ""


def test_a_trial_without_a_configuration_has_what_all_have_alike() -> None:
    other = trial(1, params={"model": "cnn", "model.dropout": 0.1})
    told = words(other, configs={"0001": {}})
    assert told.value(other, "batch_size") == 128
    assert told.value(other, "model.width") is None, "that is the width of another model"
    assert told.layers(other) == "cnn"
    assert told.dropout(other) == 0.1


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(0, 9), max_size=2),
    st.sampled_from(["=1+1", "<script>", "x" * 40_000, "\x00\x1b[1m", "🐟", 10**400, 1e308]),
)
RECORDS = st.builds(
    trial,
    st.integers(1, 9),
    state=st.sampled_from(State),
    reason=st.text(max_size=9),
    params=st.dictionaries(st.sampled_from([*DIMENSIONS, "model", "model.width", "odd"]), VALUES),
    epochs=st.dictionaries(
        st.integers(1, 3),
        st.dictionaries(st.sampled_from(["val_accuracy", "val_loss", "odd"]), st.floats()),
    ),
    source=st.sampled_from([None, Source("0000", seed=3), Source("0001", epoch=2)]),
    member=st.text(max_size=5),
)
CONFIGS = st.recursive(
    VALUES, lambda inner: st.dictionaries(st.sampled_from([*CONFIG, "layers", "_target_"]), inner)
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(RECORDS, max_size=4, unique_by=lambda record: record.number),
    st.dictionaries(st.sampled_from(list(CONFIG)), CONFIGS),
    st.booleans(),
    st.booleans(),
)
def test_whatever_is_on_record_makes_a_sheet_of_both_kinds(
    trials: list[TrialRecord], config: dict[str, Any], baseline: bool, rows: bool
) -> None:
    configs = {one.id: config for one in trials}
    effects = (effect("optimizer.lr", 0.1, 1e-3, 0.1, 0.2), effect("odd", 1, "a", 0.1, 0.2))
    made = sheet(swept(*trials, configs=configs, baseline=baseline), Findings((), effects))
    assert len(made.trials) == len(trials) + baseline
    for row in made.rows:
        assert all(isinstance(value, str | int | float | None) for value in row.values)
        assert not any(isinstance(v, float) and not math.isfinite(v) for v in row.values)
        row.tenths()
    assert csv_text(made, rows)
    if find_spec("xlsxwriter"):
        assert xlsx_bytes(made, rows)
