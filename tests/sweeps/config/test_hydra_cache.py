"""Each file of a configuration is parsed once, and is what it was then for all compositions."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hydra.core.config_loader import ConfigLoader

from sweeps.config import hydra_cache
from sweeps.config.composition import compose
from sweeps.config.hydra_cache import parse_once
from sweeps.config.keys import plain


class Files:
    """A repository that counts what it parses."""

    sources = ("conf",)

    def __init__(self) -> None:
        self.asked: list[str] = []

    def load_config(self, config_path: str) -> dict[str, int] | None:
        self.asked.append(config_path)
        return {"width": 1} if config_path == "model/mlp" else None

    def __deepcopy__(self, memo: Any) -> Files:
        return self


def test_a_file_is_parsed_once_and_each_composition_may_change_its_own() -> None:
    files = Files()
    loader = cast(ConfigLoader, SimpleNamespace(repository=files))
    assert parse_once(parse_once(loader)) is loader
    for _ in range(2):
        composition = copy.deepcopy(vars(loader)["repository"])
        config = composition.load_config("model/mlp")
        assert config == {"width": 1}
        config["width"] = 2
        assert composition.load_config("model/cnn") is None
        assert composition.sources == ("conf",)
    assert files.asked == ["model/mlp", "model/cnn"]


def test_a_file_that_is_edited_while_a_sweep_runs_is_as_it_was(tmp_path: Path) -> None:
    own = tmp_path / "norm" / "mine.yaml"
    own.parent.mkdir()
    own.write_text("_target_: torch.nn.Identity\n")
    words = [f"hydra.searchpath=[file://{tmp_path}]", "space=null", "norm=none,mine"]
    with compose(words) as composition:
        before = composition.variant({"norm": "mine"}).norm
        own.write_text("_target_: torch.nn.ReLU\n")
        after = composition.variant({"norm": "mine", "optimizer": "sgd"}).norm
        assert before == after


@pytest.mark.parametrize("experiment", ["quickstart", "hw1p2"])
def test_what_is_composed_once_is_what_hydra_composes(
    experiment: str, compose_anew: Callable[[], None]
) -> None:
    words = [f"experiment={experiment}", "model.width=24", "optimizer=adamw,sgd", "norm=none"]

    def composed(*more: str) -> list[Any]:
        with compose([*words, *more]) as composition:
            variants = [composition.variant({"optimizer": one}) for one in ("adamw", "sgd")]
            return [plain(config) for config in variants]

    hydra_cache.forget()
    first, again = composed(), composed()
    other = composed("model.width=32", "data.fraction=0.5")
    assert hydra_cache._composed
    compose_anew()
    assert first == again == composed()
    assert other == composed("model.width=32", "data.fraction=0.5")
