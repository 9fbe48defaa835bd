"""The configuration of a trial is read as data."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from sweeps.config.recorded_training import read_training
from sweeps.config.trusted_targets import Origin
from trainers.config import compose
from trainers.errors import ConfigError

ORIGIN = Origin(Path("results/theirs"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    OmegaConf.save(OmegaConf.structured(compose(["epochs=3"])), path)
    return path


def test_is_what_was_written(path: Path) -> None:
    assert read_training(path, ORIGIN) == compose(["epochs=3"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model._target_", "os.system"),
        ("data.root", {"_target_": "os.system", "command": "true"}),
        ("data.root", "${oc.create:{_target_:os.system}}"),
    ],
)
def test_what_would_run_is_refused(path: Path, key: str, value: object) -> None:
    config = OmegaConf.load(path)
    OmegaConf.update(config, key, value)
    OmegaConf.save(config, path)
    with pytest.raises(ConfigError, match="comes from results/theirs"):
        read_training(path, ORIGIN)


@pytest.mark.parametrize(
    "content",
    [
        b"- 1\n",
        b"a: [",
        b"\xff\xfe",
        b"x: !!python/object/apply:os.system ['true']\n",
        b"a: ${nothing.there}\n",
        b"[" * 5000,
    ],
)
def test_what_is_no_configuration(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"config\.yaml") as refusal:
        read_training(path, ORIGIN)
    assert len(str(refusal.value).splitlines()) == 1
