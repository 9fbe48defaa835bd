"""Each metric has a best value, and only what the task predicts has its metrics."""

from __future__ import annotations

import pytest

from trainers.config import METRICS, Mode, compose, metrics_of
from trainers.errors import ConfigError


@pytest.mark.parametrize(("metric", "mode"), METRICS.items())
def test_a_metric_has_its_mode(metric: str, mode: Mode | None) -> None:
    words = [f"task.metric={metric}"]
    if metric.endswith(("_r2", "_mae")):
        with pytest.raises(ConfigError, match="predicts classes"):
            compose(words)
        words += ["task=regression"]
    given = Mode.max if mode is None else mode
    assert compose([*words, f"task.mode={given.name}"]).task.mode is given
    if mode is not None:
        assert compose(words).task.mode is mode


def test_a_metric_of_ones_own_has_its_mode() -> None:
    words = ["metric=macro_f1", "task.metric=val_macro_f1"]
    assert compose(words).task.mode is Mode.max
    assert compose([*words, "metric.mode=min"]).task.mode is Mode.min
    with pytest.raises(ConfigError, match="val_macro_f1"):
        compose(words[1:])
    for word, told in (
        ("metric.name=loss", r"metric\.name"),
        ("metric.name=a b", r"metric\.name"),
        ("metric.mode=up", r"metric\.mode"),
    ):
        with pytest.raises(ConfigError, match=told):
            compose([*words, word])


def test_a_regression_has_no_accuracy_and_its_own_loss() -> None:
    config = compose(["task=regression"])
    assert config.loss["_target_"] == "torch.nn.functional.mse_loss"
    assert "val_accuracy" not in metrics_of(config)
    assert compose(["task=regression", "loss=l1"]).loss["_target_"].endswith("l1_loss")
