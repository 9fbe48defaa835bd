"""Training does not import PyTorch's compiler, and whoever compiles gets it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from sweeps import ROOT
from trainers.config import compose

#: What no trial's process should wait for before its first epoch.
HEAVY = ("torch._dynamo.eval_frame", "sympy", "sklearn", "pandas", "matplotlib", "optuna", "hydra")

TRAIN = """
import json, sys
from trainers.config import typed
from trainers.fit import fit

metrics = [epoch.metrics for epoch in fit(typed(json.loads(sys.argv[1])))]
there = [name for name in json.loads(sys.argv[2]) if name in sys.modules]
timings = ("epoch_s", "samples_per_s")
print(json.dumps([[{k: v for k, v in m.items() if k not in timings} for m in metrics], there]))
"""

COMPILE = """
import torch
from trainers.device.lazy_compiler import leave_unimported

leave_unimported()
weight = torch.nn.Parameter(torch.ones(3))
optimizer = torch.optim.SGD([weight], lr=0.1)
weight.sum().backward()
optimizer.step()
assert type(torch._dynamo).__name__ == "_Unimported"
{use}
assert type(torch._dynamo).__name__ == "module", type(torch._dynamo)
leave_unimported()
optimizer.step()
optimizer.zero_grad()
assert type(torch._dynamo).__name__ == "module"
"""


def trained(config: dict[str, object], before: str = "") -> list[object]:
    words = [sys.executable, "-c", before + TRAIN, json.dumps(config), json.dumps(HEAVY)]
    run = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stderr
    found: list[object] = json.loads(run.stdout)
    return found


def test_a_training_imports_nothing_that_it_does_not_need() -> None:
    config = plain_of(compose(["epochs=2", "data.fraction=0.2", "schedule=one_cycle"]))
    metrics, there = trained(config)
    assert there == []
    assert trained(config, "import torch._dynamo\n")[0] == metrics, "the bits differ"


def plain_of(config: object) -> dict[str, object]:
    """A training's configuration as the plain containers that a trial's process is given."""
    container = OmegaConf.to_container(OmegaConf.structured(config), enum_to_str=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


@pytest.mark.parametrize(
    "use",
    [
        'assert torch.compile(torch.nn.Linear(3, 3), backend="eager")(torch.ones(2, 3)).shape',
        "import torch._dynamo.config",
        "from torch._dynamo import disable, optimize",
        "torch._dynamo.reset()",
    ],
)
def test_whoever_compiles_gets_the_compiler(use: str) -> None:
    words = [sys.executable, "-c", COMPILE.format(use=use)]
    run = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stderr
