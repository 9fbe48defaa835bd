from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from trainers.config import (
    Device,
    Keep,
    Mode,
    Precision,
    compose,
    register,
    typed,
)
from trainers.errors import ConfigError


def test_defaults_are_those_of_the_yaml() -> None:
    config = compose()
    assert (config.name, config.seed, config.epochs, config.batch_size) == ("train", 0, 10, 128)
    assert config.precision is Precision.fp32
    assert config.device is Device.auto
    assert config.checkpoint.keep is Keep.all
    assert (config.task.metric, config.task.mode) == ("val_accuracy", Mode.max)
    assert (config.resources.cpu, config.resources.gpu) == (1.0, None)
    assert config.resources.gpu_memory_gb is None
    assert config.data["_target_"] == "trainers.data.digits.load"
    assert config.schedule["epochs"] == 10  # an interpolation, resolved


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("epochs=0", "epochs"),
        ("epochs=abc", "epochs"),
        ("epochs=1.5", "epochs"),
        ("epocs=3", "did you mean 'epochs'"),
        ("batch_size=0", "batch_size"),
        ("steps=0", "steps"),
        ("overfit_batches=0", "overfit_batches"),
        ("seed=-1", "seed"),
        ("seed=4294967296", "seed"),
        ("precision=fp64", "precision"),
        ("device=tpu", "device"),
        ("checkpoint.keep=none", "checkpoint.keep"),
        ("checkpoint.kep=all", "did you mean 'keep'"),
        ("label_smoothing=1", "label_smoothing"),
        ("label_smoothing=-0.1", "label_smoothing"),
        ("resources.cpu=0", "resources.cpu"),
        ("resources.gpu=-1", "resources.gpu"),
        ("resources.gpu=atuo", "resources.gpu must be 0 or more, null for one if any, or auto"),
        ("resources.gpu=true", "resources.gpu"),
        ("resources.gpu=[1]", "resources.gpu"),
        ("resources.gpu='0.5'", "resources.gpu must be 0 or more"),
        ("resources.gpu=inf", "resources.gpu"),
        ("resources.gpu_memory_gb=0", "resources.gpu_memory_gb"),
        ("task.metric=loss", "task.metric"),
        ("task.mode=most", "task.mode"),
        ("task.mode=min", "leave task.mode out, or set task.mode=max"),
        ("task.metric=lr", "set task.mode=min or task.mode=max"),
        ("data.fraction=0", "data.fraction"),
        ("data.fraction=1.01", "data.fraction"),
        ("data.fraction=half", "data.fraction"),
        ("data.validation=0", "data.validation"),
        ("data.validation=1", "data.validation"),
        ("data.split_seed=-1", "data.split_seed"),
        ("data.split_seed=0.5", "data.split_seed"),
        ("optimizer.lr=0", "optimizer.lr"),
        ("optimizer.lr=nan", "optimizer.lr"),
        ("optimizer.lr=inf", "optimizer.lr must be a finite number, not inf"),
        ("optimizer.weight_decay=-inf", "optimizer.weight_decay must be a finite number"),
        ("optimizer.betas=[0.9,inf]", "optimizer.betas.1 must be a finite number"),
        ("resources.cpu=inf", "resources.cpu"),
        ("optimizer.lr=true", "optimizer.lr"),
        ("model.wdth=3", "did you mean 'width'"),
        ("optimizer=adamx", "optimizer/adamx"),
        ("+mixup=0.4", "mixup: the configuration has no such key"),
        ("+label_smooting=0.3", "did you mean 'label_smoothing'"),
        ("+clip.nrom=1", "clip.nrom"),
        ("~epochs", "epochs"),
        ("~name", "name"),
    ],
)
def test_refuses(override: str, key: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        compose([override])
    assert key in str(refusal.value)
    assert len(str(refusal.value).splitlines()) <= 2


@pytest.mark.parametrize("gpu", [None, 0, 0.25, 2, "auto"])
def test_cards_are_a_number_or_left_to_the_cluster(gpu: object) -> None:
    word = "null" if gpu is None else gpu
    assert compose([f"resources.gpu={word}"]).resources.gpu == gpu


def test_ignores_the_keys_of_a_sweep() -> None:
    plain = OmegaConf.create(
        {
            **_as_yaml(),
            "space": {"optimizer.lr": "interval(0.1, 1)"},
            "budget": {"trials": 3},
            "sweep_only": "${nothing.there}",
        }
    )
    assert typed(plain) == compose()


def test_survives_a_file(tmp_path: Path) -> None:
    """A trial's config.yaml reads back as the same training."""
    config = compose(["precision=bf16", "checkpoint.keep=best_and_last", "optimizer=sgd"])
    OmegaConf.save(OmegaConf.structured(config), tmp_path / "config.yaml")
    text = (tmp_path / "config.yaml").read_text()
    assert "precision: bf16" in text
    read = OmegaConf.load(tmp_path / "config.yaml")
    assert isinstance(read, DictConfig)
    assert typed(read) == config


def test_registering_twice_is_harmless() -> None:
    register()
    register()
    assert compose(["seed=3"]).seed == 3


def _as_yaml() -> dict[str, object]:
    container = OmegaConf.to_container(OmegaConf.structured(compose()), enum_to_str=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def test_the_same_batches_in_every_epoch_leave_no_fewer_for_the_first() -> None:
    with pytest.raises(ConfigError, match=r"first\.epochs must be null beside overfit_batches"):
        compose(["overfit_batches=1", "first.epochs=2"])


def test_a_record_may_be_older_than_the_key() -> None:
    older = {key: value for key, value in _as_yaml().items() if key != "overfit_batches"}
    assert typed(OmegaConf.create(older)) == compose()


def test_records_of_older_versions_are_of_classes_and_cross_entropy() -> None:
    old = _as_yaml()
    del old["loss"], old["metric"], old["task"]["predicts"]
    read = typed(OmegaConf.create(old))
    assert read.task.of_classes
    assert read.loss["_target_"] == "torch.nn.functional.cross_entropy"
    assert read.metric == {}
