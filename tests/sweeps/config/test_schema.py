"""Every key of the schema has the kinds that commands decide by."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.config.composition import compose
from sweeps.config.keys import dotted
from sweeps.config.schema import Kind, SweepConfig, is_of, keys_of
from trainers.config import TrainConfig

#: What each kind has, in the order of the schema: commands refuse or compare by these.
KEYS = {
    Kind.OF_SWEEP: (
        "name", "results", "checkpoint", "task", "metric", "experiment", "space", "baseline",
        "when", "require", "points", "objectives", "from_sweep", "plan", "search", "stop", "track",
        "budget", "max_concurrent", "failures", "repeats", "study", "trust",
        "preview", "debug",
    ),
    Kind.OF_PLAN: ("name", "experiment", "plan", "preview"),
    Kind.OF_SPACE: ("space", "when", "require"),
    Kind.ON_RESUME: (
        "results", "data.root", "data.cache", "track", "budget", "max_concurrent", "failures",
        "repeats.top", "repeats.seeds", "repeats.race", "study", "trust",
    ),
    Kind.MAY_GROW: ("epochs",),
    Kind.IN_SIMULATION: (
        "seed", "epochs", "patience", "baseline", "points", "search", "stop", "budget", "failures",
        "trust",
    ),
    Kind.NO_DECISION: ("histograms", "trust", "preview"),
    Kind.NO_TRAINING: (
        "name", "results", "points", "objectives", "from_sweep", "plan", "budget",
        "max_concurrent", "repeats", "study", "preview",
    ),
    Kind.NO_SCORE: (
        "seed", "device", "histograms", "resources", "data.root", "data.cache", "trust",
    ),
}  # fmt: skip

kinds = st.sampled_from([*Kind])
tails = st.lists(st.from_regex(r"[a-z_]{1,6}", fullmatch=True), max_size=3)


def test_every_kind_is_listed() -> None:
    assert set(KEYS) == set(Kind)


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_a_kind_has_its_keys(kind: Kind) -> None:
    assert keys_of(kind) == KEYS[kind]


@given(kinds, st.data(), tails)
def test_what_lies_below_a_key_is_of_its_kind(
    kind: Kind, data: st.DataObject, tail: list[str]
) -> None:
    key = data.draw(st.sampled_from(KEYS[kind]))
    assert is_of(kind, ".".join([key, *tail]))


@given(kinds, st.data())
def test_what_only_begins_like_a_key_is_not(kind: Kind, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(KEYS[kind]))
    assert not is_of(kind, f"{key}s")
    parent, _, _ = key.rpartition(".")
    assert not parent or not is_of(kind, parent)


@given(kinds, kinds, st.sampled_from(sorted({f.name for f in fields(SweepConfig)})))
def test_two_kinds_have_the_keys_of_either(one: Kind, other: Kind, key: str) -> None:
    assert set(keys_of(one | other)) == {*keys_of(one), *keys_of(other)}
    assert is_of(one | other, key) == (is_of(one, key) or is_of(other, key))


def test_every_key_beside_those_of_a_training_is_of_some_kind() -> None:
    own = {f.name for f in fields(SweepConfig)} - {f.name for f in fields(TrainConfig)}
    listed = {key.partition(".")[0] for keys in KEYS.values() for key in keys}
    assert own <= listed


def test_the_schema_has_every_key_of_a_kind() -> None:
    with compose(["data=hw1p2"]) as composition:  # digits have no cache
        there = {*dotted(composition.base), *composition.base, "repeats.top", "repeats.seeds",
                 "repeats.race", "debug"}  # fmt: skip
    assert {key for keys in KEYS.values() for key in keys} <= there
