"""What a folder of results names to be built is taken only if it can do no harm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sweeps.config.composition import compose
from sweeps.config.keys import plain
from sweeps.config.trusted_targets import Origin, trust_for_later
from trainers.errors import ConfigError

FOLDER = Path("results/theirs")


def origin(*words: str) -> Origin:
    return Origin.read(FOLDER, words)


def base(*words: str) -> dict[str, Any]:
    with compose(words) as composition:
        return plain(composition.base)


def with_target(group: str, target: object, **more: object) -> dict[str, Any]:
    return {**base(), group: {"_target_": target, **more}}


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("experiment=hw1p2", "schedule=in_a_row", "stop=several", "search=tpe"),
        ("experiment=optuna_mnist", "stop=pbt", "track=none"),
        ("experiment=batchnorm_circles", "augment=noise", "init=xavier_normal"),
        ("data=hw1p2_legacy", "task=phonemes"),
    ],
)
def test_what_conf_has_is_taken(words: tuple[str, ...]) -> None:
    origin().require_trusted(base(*words))


@pytest.mark.parametrize(
    ("group", "target"),
    [
        ("model", "torch.nn.Linear"),
        ("activation", "torch.nn.Hardswish"),
        ("optimizer", "torch.optim.NAdam"),
        ("schedule", "torch.optim.lr_scheduler.CosineAnnealingWarmRestarts"),
        ("search", "optuna.samplers.QMCSampler"),
        ("search", "optuna.samplers.nsgaii.SBXCrossover"),
        ("stop", "sweeps.stop.Median"),
    ],
)
def test_a_class_of_the_groups_kind_is_taken(group: str, target: str) -> None:
    origin().require_trusted(with_target(group, target))


@pytest.mark.parametrize(
    ("group", "target"),
    [
        ("stop", "pandas.read_pickle"),
        ("stop", "os.system"),
        ("stop", "results.theirs.evil.Rule"),
        ("stop", "torch.load"),
        ("stop", "torch.nn.Linear"),
        ("model", "torch.hub.load"),
        ("model", "torch.load"),
        ("model", "torch.optim.SGD"),
        ("model", "torch.nn.functional.torch.os.system"),
        ("model", "trainers.data.phonemes.legacy.load"),
        ("optimizer", "optuna.samplers.TPESampler"),
        ("data", "torch.load"),
        ("data", "trainers.models.mlp.MLP"),
        ("init", "torch.nn.Linear"),
        ("task", "torch.nn.Linear"),
        ("optimizer", "torch.optim.NoSuch"),
        ("optimizer", 7),
        ("model", ["torch", "nn"]),
    ],
)
def test_anything_else_is_refused(group: str, target: object) -> None:
    with pytest.raises(ConfigError, match=r"comes from results/theirs, and no YAML") as refusal:
        origin().require_trusted(with_target(group, target))
    assert len(str(refusal.value).splitlines()) == 2


def test_and_at_any_depth_and_where_no_group_is() -> None:
    evil = {"_target_": "os.system", "command": "true"}
    for config in (
        with_target("model", "torch.nn.Linear", width=[{"a": evil}]),
        {**base(), "data": {**base()["data"], "root": evil}},
        {**base(), "name": evil},
        {**base(), "_target_": "torch.nn.Linear"},
        {**base(), "points": [{"model": evil}]},
        {**base(), "elsewhere": {"_target_": "torch.nn.Linear"}},
    ):
        with pytest.raises(ConfigError, match="comes from results/theirs"):
            origin().require_trusted(config)


def test_what_is_not_taken_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "mylab.py").write_text(
        f"import pathlib, torch\npathlib.Path({str(marker)!r}).touch()\n"
        "class Net(torch.nn.Module):\n    pass\n"
        "def load(path):\n    return None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=r"trust=\[mylab\]"):
        origin().require_trusted(with_target("model", "mylab.Net"))
    assert not marker.exists()
    origin("trust=[mylab]").require_trusted(with_target("model", "mylab.Net"))
    origin("trust=other, mylab").require_trusted(with_target("model", "mylab.Net"))
    assert marker.exists()
    with pytest.raises(ConfigError):
        origin("trust=[mylab]").require_trusted(with_target("model", "mylab.load"))
    with pytest.raises(ConfigError):
        origin("trust=[my]").require_trusted(with_target("model", "mylab.Net"))


def test_what_the_person_names_is_the_persons() -> None:
    named = origin("track._target_=mylab.Tracker")
    named.require_trusted(with_target("track", "mylab.Tracker"))
    with pytest.raises(ConfigError):
        named.require_trusted(with_target("track", "mylab.Other"))


def test_a_later_session_trusts_what_the_persons_words_have_named() -> None:
    theirs = with_target("model", "tests.faulty.Faulty", fault="none")
    with pytest.raises(ConfigError, match="trust"):
        origin().require_trusted(theirs)
    words = trust_for_later(["name=a", "model._target_=tests.faulty.Faulty", "trust=[mylab]"])
    assert words == ["trust=[mylab,tests]"]
    origin(*words).require_trusted(theirs)
    assert trust_for_later(["name=a", "model._target_=torch.nn.Linear"]) == []


def test_pickled_arrays_of_another_folder_are_refused() -> None:
    config = base("data=hw1p2_legacy", "task=phonemes", "data.root=/theirs")
    with pytest.raises(ConfigError, match=r"data.root=/theirs .* pickled arrays can run code"):
        origin().require_trusted(config)
    origin("trust=[trainers.data.phonemes.legacy]").require_trusted(config)


@pytest.mark.parametrize("word", ["trust=[os.system()]", "trust=[../x]", "trust='a b'"])
def test_trust_is_a_list_of_packages(word: str) -> None:
    with pytest.raises(ConfigError, match="trust must name packages"):
        origin(word)


@pytest.mark.parametrize(
    "word",
    [
        "hydra.searchpath=[file:///tmp/evil]",
        "+hydra.callbacks.x._target_=evil.Callback",
        "hydra/sweeper=evil",
        "++hydra.mode=RUN",
        "--config-dir=/tmp/evil",
    ],
)
def test_where_hydra_looks_is_not_for_a_record_to_say(word: str) -> None:
    with pytest.raises(ConfigError, match="would let Hydra read other files"):
        origin().require_words(["model.width=8", word])
    with (
        pytest.raises(ConfigError, match="would let Hydra read other files"),
        compose([word], origin()),
    ):
        pass


def test_a_recorded_trial_builds_nothing_else_either() -> None:
    words = ("space=null", "model.width=8,16")
    with compose(words, origin()) as composition:
        composition.trial({"model.width": 8})
        for params in (
            {"model._target_": "os.system"},
            {"data.root": {"_target_": "os.system"}},
            {"data.root": "${oc.create:{_target_:os.system}}"},
        ):
            with pytest.raises(ConfigError, match="comes from results/theirs"):
                composition.trial(params)
    with compose(words) as composition:
        composition.trial({"model._target_": "os.system"})  # the person's own


def test_a_choice_that_conf_has_is_composed_for_a_record() -> None:
    with compose(("space=null", "optimizer=adamw,sgd"), origin()) as composition:
        assert composition.trial({"optimizer": "sgd"}).optimizer["_target_"] == "torch.optim.SGD"
