"""Hydra's options, wherever they stand in a command line."""

from __future__ import annotations

import pytest

from sweeps.config.hydra_options import read_options
from trainers.errors import ConfigError


def test_options_are_split_from_overrides() -> None:
    options = read_options(["epochs=3", "--cfg", "job", "-p", "model", "-m", "seed=1"])
    assert options.overrides == ["epochs=3", "seed=1"]
    assert options.words == ["--cfg=job", "--package=model"]
    assert options.asks


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ("-i", {"--info": "all"}),
        ("-i epochs=3", {"--info": "all"}),
        ("--info defaults", {"--info": "defaults"}),
        ("-h", {"--help": ""}),
        ("-m epochs=1,2", {"--multirun": ""}),
        ("-cd=more", {"--config-dir": "more"}),
    ],
)
def test_the_forms_that_hydra_has(words: str, given: dict[str, str]) -> None:
    assert read_options(words.split()).given == given


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--nonsense", "there is no such option"),
        ("--cgf job", "did you mean --cfg?"),
        ("--seed=3", "overrides have no dashes: seed=3"),
        ("--cfg", "needs a value: --cfg=job"),
        ("--cfg foo", "choices: job, hydra, all"),
        ("--help=x", "takes no value"),
        ("-p model", "add --cfg=job"),
        ("--resolve", "add --cfg=job"),
        ("--cfg job --info", "one of them at a time"),
        ("--run", "make train"),
        ("-cn train", "conf/sweep.yaml"),
        ("-sc install=bash", "not python -m"),
    ],
)
def test_what_has_no_place_is_refused(words: str, told: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        read_options(words.split())
    assert told in str(refusal.value)
