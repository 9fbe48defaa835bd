"""A norm of torch, or a class of somebody's, is one YAML: for vectors and for images alike."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainers.errors import ConfigError
from trainers.models.module_norm import norm
from trainers.models.norm import needs_batch

HERE = __name__


class UnitLength(nn.Module):
    """Divides the features by their length."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.width, self.eps = width, eps

    def forward(self, x: Tensor) -> Tensor:
        return x / (x.norm(dim=1, keepdim=True) + self.eps)


def module(image: bool, **node: Any) -> nn.Module:
    make = norm(node).make
    assert make is not None
    return make(8, image)


@pytest.mark.parametrize("image", [False, True])
@pytest.mark.parametrize(
    ("target", "keys"),
    [
        ("torch.nn.RMSNorm", {}),
        ("torch.nn.RMSNorm", {"eps": 1e-6, "_partial_": True}),
        ("torch.nn.LayerNorm", {"bias": False}),
        ("torch.nn.GroupNorm", {"num_groups": 4}),
        ("torch.nn.BatchNorm1d", {"momentum": 0.2}),
        ("torch.nn.BatchNorm2d", {"affine": False}),
        (f"{HERE}.UnitLength", {"eps": 1e-5}),
        ("trainers.models.norm.layer", {"affine": True, "position": "before", "layers": "every"}),
    ],
)
def test_normalises_vectors_and_images(target: str, keys: dict[str, Any], image: bool) -> None:
    x = 3 + torch.randn(16, 8, *([5, 5] if image else []))
    found = module(image, _target_=target, **keys)(x)
    assert found.shape == x.shape
    assert found.square().mean() < 0.5 * x.square().mean()


def test_rms_norm_of_an_image_is_over_the_channels_of_each_place() -> None:
    x = torch.randn(2, 8, 3, 3)
    expected = x / x.square().mean(1, keepdim=True).add(1e-6).sqrt()
    torch.testing.assert_close(module(True, _target_="torch.nn.RMSNorm", eps=1e-6)(x), expected)


def test_instance_norm_of_torch_is_for_images_alone() -> None:
    x = torch.randn(2, 8, 3, 3)
    found = module(True, _target_="torch.nn.InstanceNorm1d")(x)
    torch.testing.assert_close(found, nn.functional.instance_norm(x))
    with pytest.raises(ConfigError, match="norm=instance"):
        module(False, _target_="torch.nn.InstanceNorm2d")


def test_its_place_is_kept_apart_from_its_own_keys() -> None:
    made = norm({"_target_": "torch.nn.RMSNorm", "position": "after", "layers": "alternate"})
    first, second = (made.around(nn.Linear(4, 8), nn.ReLU(), 8, False, index) for index in (0, 1))
    assert [type(m) for m in first] == [nn.Linear, nn.ReLU, nn.RMSNorm]
    assert [type(m) for m in second] == [nn.Linear, nn.ReLU]


def test_trying_it_leaves_no_trace() -> None:
    made = module(False, _target_="torch.nn.BatchNorm1d")
    assert made.state_dict()["num_batches_tracked"] == 0
    assert needs_batch(made)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"_target_": "torch.nn.GroupNorm", "num_groups": 3}, "divisible"),
        ({"_target_": "torch.nn.RMSNorm", "epsilon": 1.0}, "did you mean 'eps'"),
        ({"_target_": "torch.nn.RMSNorm", "position": "middle"}, r"norm\.position must be one of"),
        ({"_target_": "torch.nn.LocalResponseNorm", "size": 3}, "does not take vectors"),
        ({"_target_": "torch.nn.BatchNorm3d"}, "does not take vectors"),
        ({"_target_": "torch.nn.Linear", "out_features": 3}, "no norm may"),
        ({"_target_": "builtins.dict"}, "must make a Norm"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as refused:
        module(False, **keys)
    assert "\n" not in str(refused.value)
