"""In fp16 the loss is scaled; a step that overflows is left out, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
import torch

from trainers.config import TrainConfig
from trainers.device.loss_scaling import LossScaling
from trainers.errors import Diverged
from trainers.fit import fit
from trainers.learner import Learner
from trainers.model_and_data import untrained

CPU = torch.device("cpu")
FP16 = "precision=fp16"

Compose = Callable[..., TrainConfig]


def begun(config: TrainConfig, scale: float) -> tuple[Learner, torch.Tensor, torch.Tensor]:
    """A learner with this scale, and a batch."""
    learner, dataset = untrained(config)
    state = learner.scaling.state()
    learner.scaling.load({**state, "scale": scale})
    learner.model.train()
    return learner, *dataset.train.batch(torch.arange(50))


def weights(learner: Learner) -> torch.Tensor:
    return torch.cat([p.detach().flatten().clone() for p in learner.model.parameters()])


def test_it_learns_as_in_fp32_and_keeps_float32_weights(small: Compose) -> None:
    words = ("epochs=8", "data.fraction=1")
    *_, half = fit(small(FP16, *words))
    *_, full = fit(small("precision=fp32", *words))
    assert half.metrics["val_accuracy"] == pytest.approx(full.metrics["val_accuracy"], abs=0.02)
    assert half.metrics["val_loss"] != full.metrics["val_loss"]
    state = half.state()
    assert {t.dtype for t in state["model"].values() if t.is_floating_point()} == {torch.float32}
    assert state["scaling"]["scale"] > 1


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_resumed_it_gives_the_same_bits(schedule: str, small: Compose) -> None:
    """The scale and the steps since it was last changed are in the state."""
    config = small(FP16, "epochs=4", f"schedule={schedule}", "clip.norm=1.0")
    whole = list(fit(config))
    first = next(iter(fit(config)))
    state = first.state()
    assert state["scaling"]["_growth_tracker"] > 0
    rest = list(fit(config, state))
    timeless = [
        {k: v for k, v in epoch.metrics.items() if k not in ("epoch_s", "samples_per_s")}
        for epoch in (*whole[1:], *rest)
    ]
    assert timeless[:3] == timeless[3:]
    assert rest[-1].state()["scaling"] == whole[-1].state()["scaling"]


def test_a_step_that_overflows_is_left_out_by_the_schedule_too(small: Compose) -> None:
    learner, x, y = begun(small(FP16, "schedule=one_cycle", "max_norm=0.5"), 1e8)
    before, rate, steps = weights(learner), learner.lr, learner.pace.schedule.last_epoch
    learner.step(x, y)
    assert torch.equal(weights(learner), before)
    assert (learner.lr, learner.pace.schedule.last_epoch) == (rate, steps)
    assert learner.scaling.state()["scale"] == 5e7
    assert learner.scaling.taken == 0
    for _ in range(20):  # until the scale fits
        learner.step(x, y)
    assert 0 < learner.scaling.taken < 20
    assert learner.pace.schedule.last_epoch == steps + learner.scaling.taken
    assert not torch.equal(weights(learner), before)
    assert bool(weights(learner).isfinite().all())


@pytest.mark.parametrize("bound", ["clip.norm=0.01", "clip.value=0.001"])
def test_the_gradient_is_bounded_as_it_is_without_the_scale(bound: str, small: Compose) -> None:
    learner, x, y = begun(small(FP16, bound), 1024.0)
    learner.step(x, y)
    gradient = torch.cat(
        [p.grad.flatten() for p in learner.model.parameters() if p.grad is not None]
    )
    size = gradient.norm() if bound.startswith("clip.norm") else gradient.abs().max()
    assert float(size) == pytest.approx(float(bound.partition("=")[2]), rel=1e-3)


def test_where_nothing_but_overflows_comes_the_training_ends_and_says_so(
    small: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overflow(scaling: LossScaling, loss: torch.Tensor) -> None:
        scaling._scaler.scale(loss * 1e38).mul(1e38).backward()

    monkeypatch.setattr(LossScaling, "backward", overflow)
    config = small(FP16, "epochs=9", "steps=30")  # which halve the scale as often
    with pytest.raises(Diverged, match="all gradients overflow fp16: precision=bf16 or fp32"):
        list(fit(config))


def test_without_fp16_nothing_is_scaled_and_states_go_both_ways(small: Compose) -> None:
    plain, half = small("precision=fp32", "epochs=2"), small(FP16, "epochs=2")
    state: dict[str, Any] = next(iter(islice(fit(plain), 1))).state()
    assert state["scaling"] == {}
    (last,) = fit(half, state)
    (back,) = fit(plain, next(iter(fit(half))).state())
    del state["scaling"]  # as older versions wrote it
    (older,) = fit(plain, state)
    assert [e.number for e in (last, back, older)] == [2, 2, 2]
