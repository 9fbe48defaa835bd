"""Begin a new sweep: fetch its data, connect to Ray, make its folder and its study."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from sweeps import results_folder
from sweeps.backend.ray_session import Cluster, Ray, session
from sweeps.checked import any_feasible, pbt_keys
from sweeps.checked.sweep import Sweep
from sweeps.launch.session import run
from sweeps.results_folder import Folder
from sweeps.study.storage import reach
from sweeps.study.study import Study
from trainers.errors import ConfigError


def begin(sweep: Sweep, ray: Ray = session) -> int:
    """Run a new sweep that has been checked. Returns the exit code."""
    folder_path = Path(sweep.config["results"]) / sweep.name
    if folder_path.exists():
        results_folder.create(folder_path.parent, sweep.name)  # raises, and says what to do
    if sweep.shared is not None:
        reach(sweep.shared, sweep.name)
    fingerprint = fetch(sweep)
    any_feasible.check(sweep)
    sweep = replace(sweep, notes=(*sweep.notes, *sweep.transfer.of_other_data(fingerprint)))
    with connect(sweep, ray) as cluster:
        folder = results_folder.create(Path(sweep.config["results"]), sweep.name)
        with _nothing_if_refused(folder) as undo:
            cluster.check_folder(folder.path.resolve())
            results_folder.write_sweep(
                folder, sweep.config, sweep.composition.overrides, fingerprint
            )
            place = sweep.shared or folder.study
            study = Study(place, sweep.objective, sweep.space, sweep.name, True, sweep.further)
            undo.callback(study.discard)
            if sweep.transfer.data:
                study.feed(sweep.transfer.trials)
            return run(sweep, folder, study, cluster)


def fetch(sweep: Sweep) -> str:
    """Bring the data here, and build one model and optimizer to see that they can be built.

    Returns:
        The fingerprint of the data.
    """
    with Console().status("loading PyTorch"):
        from trainers.data.resident import prepare
        from trainers.fit import size
    fingerprint = prepare(sweep.training.data).fingerprint
    size(sweep.training)
    pbt_keys.fits(sweep)
    return fingerprint


@contextlib.contextmanager
def connect(sweep: Sweep, ray: Ray) -> Iterator[Cluster]:
    """The Ray to run on, seen to have room for a trial.

    Raises:
        ConfigError: it cannot be reached, or a trial asks for more than any machine has.
    """
    with contextlib.ExitStack() as stack:
        with Console().status("starting Ray"):
            cluster = stack.enter_context(ray())
        if sweep.resources["gpu"] is None:
            sweep.composition.fix("resources.gpu", 1.0 if cluster.has_gpu else 0.0)
        cluster.check(sweep.resources)
        yield cluster


@contextlib.contextmanager
def _nothing_if_refused(folder: Folder) -> Iterator[contextlib.ExitStack]:
    """A sweep that is refused before its first trial leaves no folder, and its name stays free.

    What else there is to be undone then is added to what it yields.
    """
    undo = contextlib.ExitStack()
    undo.callback(shutil.rmtree, folder.path)
    try:
        yield undo
    except (ConfigError, KeyboardInterrupt):
        if not any(folder.trials.iterdir()):
            undo.close()
        raise
