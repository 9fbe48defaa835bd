"""Run the same short training many times: with a sweep of ours, with Ray Tune, with Optuna.

Each runs in a process of its own (`python -m sweeps.bench.rivals optuna 100`), and prints the
seconds from the beginning of its search to the end, without those of starting Ray and Python.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps import ROOT
from sweeps.backend.ray_session import attach
from sweeps.study.codec import epochs_of
from sweeps.study.storage import read_only

if TYPE_CHECKING:
    from trainers.config import TrainConfig

#: One epoch of a small model on a quarter of the bundled digits, on one core.
TRAINING = ("data.fraction=0.25", "model.width=16", "model.depth=1", "epochs=1", "resources.cpu=1")
LOW, HIGH = 1e-4, 1e-1
_SLOTS = 2


def ours(folder: Path, trials: int) -> float:
    """Run a sweep as `make sweep` does; return its seconds."""
    words = [
        *TRAINING,
        f"optimizer.lr=tag(log,interval({LOW},{HIGH}))",
        "space=null",
        "search=random",
        "stop=none",
        "track=none",
        f"max_concurrent={_SLOTS}",
        "name=ours",
        f"results={folder}",
        f"budget.trials={trials}",
    ]
    _run(["sweeps", *words])
    summary = json.loads((folder / "ours" / "summary.json").read_text())
    assert summary["completed"] == trials
    return float(summary["wall_s"])


def idle_ms(folder: Path) -> float:
    """Return the mean milliseconds between two trainings in a slot of `ours`.

    Computed from the ends of its trials, one epoch each, two at a time; the first tenth, in which
    processes start, is left out.
    """
    trials = read_only(folder / "ours" / "study.log").get_all_trials(0, deepcopy=False)
    ended = sorted(t.datetime_complete for t in trials if t.datetime_complete)[len(trials) // 10 :]
    cycle_s = _SLOTS * (ended[-1] - ended[0]).total_seconds() / (len(ended) - 1)
    trained_s = [epochs_of(t)[1]["epoch_s"] for t in trials]
    return 1e3 * (cycle_s - statistics.fmean(trained_s))


def ray_tune(folder: Path, trials: int) -> float:
    """Run Ray Tune with its defaults; return its seconds."""
    return float(_run(["sweeps.bench.rivals", "ray_tune", str(trials)]).split()[-1])


def optuna(folder: Path, trials: int) -> float:
    """Run Optuna with its defaults, but with a random sampler like the others; return seconds."""
    return float(_run(["sweeps.bench.rivals", "optuna", str(trials)]).split()[-1])


CONTENDERS: Mapping[str, Callable[[Path, int], float]] = {
    "ours": ours,
    "Ray Tune": ray_tune,
    "Optuna": optuna,
}


def _run(words: list[str]) -> str:
    process = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if process.returncode:
        output = process.stdout[-2000:] + process.stderr[-2000:]
        raise RuntimeError(f"{' '.join(words)} failed:\n{output}")
    return process.stdout


def _trained(config: TrainConfig, lr: float) -> float:
    """Train once; return the best validation accuracy."""
    from trainers.fit import fit

    training = replace(config, optimizer={**config.optimizer, "lr": lr})
    return max(epoch.metrics["val_accuracy"] for epoch in fit(training))


def _with_ray_tune(trials: int) -> float:
    """Run Ray Tune here, or at RAY_ADDRESS."""
    import ray
    from ray import tune

    from trainers.config import compose

    config = compose(TRAINING)

    def objective(params: dict[str, Any]) -> None:
        tune.report({"val_accuracy": _trained(config, params["lr"])})

    if there := os.environ.get("RAY_ADDRESS"):
        attach(there)
    else:
        ray.init(
            num_cpus=_SLOTS,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            objective,
            param_space={"lr": tune.loguniform(LOW, HIGH)},
            tune_config=tune.TuneConfig(metric="val_accuracy", mode="max", num_samples=trials),
            run_config=tune.RunConfig(verbose=0, storage_path=folder),
        )
        began = time.perf_counter()
        results = tuner.fit()
        took = time.perf_counter() - began
    assert len(results) == trials
    assert not results.errors
    return took


def _with_optuna(trials: int) -> float:
    import optuna as library

    from trainers.config import compose

    config = compose(TRAINING)
    library.logging.set_verbosity(library.logging.ERROR)
    study = library.create_study(sampler=library.samplers.RandomSampler(), direction="maximize")
    began = time.perf_counter()
    study.optimize(
        lambda trial: _trained(config, trial.suggest_float("lr", LOW, HIGH, log=True)),
        n_trials=trials,
    )
    return time.perf_counter() - began


if __name__ == "__main__":
    work = {"ray_tune": _with_ray_tune, "optuna": _with_optuna}[sys.argv[1]]
    sys.stdout.write(f"{work(int(sys.argv[2]))}\n")
