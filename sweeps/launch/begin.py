"""Begin a new sweep: fetch its data, connect to Ray, create its folder and its study."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sweeps import cli, results_folder
from sweeps.backend.claim import own_member
from sweeps.backend.early_ray import started_early
from sweeps.backend.ray_session import Cluster, Ray, session
from sweeps.checked import any_feasible, every_value, pbt_keys, volume
from sweeps.checked.sweep import Sweep
from sweeps.launch.session import run
from sweeps.results_folder import Folder
from sweeps.study.open import open_study
from sweeps.study.storage import reach
from sweeps.timeline import mark
from trainers.config import Device
from trainers.errors import ConfigError


def begin(sweep: Sweep, ray: Ray = session) -> int:
    """Run a new sweep that has been checked; returns the exit code.

    Raises:
        ConfigError: what only data, a machine or the folder of results shows to be wrong.
    """
    own_member()  # refused now, not when it is needed
    results_folder.require_free(Path(sweep.config["results"]), sweep.name, sweep.trust)
    if sweep.shared is not None:
        reach(sweep.shared, sweep.name)
    with contextlib.ExitStack() as stack:
        stack.callback(mark, "exit")
        early = stack.enter_context(started_early(ray, sweep.resources, sweep.at_once))
        mark("fetch the data, Ray starting meanwhile")
        fingerprint = fetch(sweep)
        mark("build every value once")
        any_feasible.check(sweep)
        with cli.doing("building a model of every value, once"):
            messages = every_value.check(sweep)
            if gets := volume.shown(sweep):
                messages = (*messages, f"W&B gets {gets}")
        messages = (*sweep.messages, *messages, *sweep.transfer.of_other_data(fingerprint))
        sweep = replace(sweep, messages=messages)
        mark("wait for Ray")
        cluster = stack.enter_context(connect(sweep, early))
        stack.callback(mark, "end Ray")
        mark("begin the record")
        folder = results_folder.create(Path(sweep.config["results"]), sweep.name)
        with _removed_if_refused(folder) as undo:
            cluster.check_folder(folder.path.resolve())
            results_folder.write_sweep(
                folder,
                sweep.config,
                sweep.composition.overrides,
                fingerprint,
                sweep.composition.choices({}),
            )
            place = sweep.shared or folder.study
            study = open_study(place, sweep.objective, sweep.space, sweep.name, True, sweep.further)
            undo.callback(study.discard)
            if sweep.transfer.data:
                study.feed(sweep.transfer.trials)
            return run(sweep, folder, study, cluster)


def fetch(sweep: Sweep) -> str:
    """Download the data, and build a model and an optimizer once to check that they can be.

    Returns:
        The fingerprint of the data.
    """
    with cli.doing("loading PyTorch"):
        from trainers.data.resident import prepare
        from trainers.fit import size
    with cli.doing("fetching and checking the data", spins=False):
        fingerprint = prepare(sweep.training.data).fingerprint
    with cli.doing("building the model once"):
        size(sweep.training)
        pbt_keys.check_checkpoints_fit(sweep)
    return fingerprint


@contextlib.contextmanager
def connect(sweep: Sweep, ray: Ray) -> Iterator[Cluster]:
    """Connect to Ray, within a `with` block, and check that a trial fits on some machine.

    Raises:
        ConfigError: Ray cannot be reached, or a trial needs more than any machine has.
    """
    with contextlib.ExitStack() as stack:
        with cli.doing("starting Ray, which runs the trials"):
            cluster = stack.enter_context(ray())
        if sweep.resources["gpu"] is None:
            sweep.composition.fix("resources.gpu", _share_of_card(sweep.resources, cluster))
        cluster.check(sweep.resources)
        _check_devices(sweep, cluster)
        yield cluster


def _share_of_card(resources: Mapping[str, Any], cluster: Cluster) -> float:
    """Return the share of a card for a trial that names none: by its memory, else all of it."""
    memory = resources["gpu_memory_gb"]
    if not cluster.has_gpu:
        return 0.0
    if memory is None:
        return 1.0
    smallest = cluster.smallest_card_gb()
    if smallest is None:
        raise ConfigError(
            f"resources.gpu_memory_gb={memory:g}: not all cards of this cluster tell their memory: "
            "give a share of a card, such as resources.gpu=0.25"
        )
    if memory > smallest:
        raise ConfigError(
            f"resources.gpu_memory_gb={memory:g}: the smallest card of this cluster has "
            f"{smallest:.1f} GB: lower it"
        )
    return 1.0 / int(smallest / memory)


def _check_devices(sweep: Sweep, cluster: Cluster) -> None:
    """Refuse a device that no trial would find where it runs."""
    devices = [sweep.training.device.value]
    for parameter in sweep.space.parameters:
        if parameter.key == "device":
            devices = [str(value) for value in parameter.dimension.examples()]
    if Device.cuda.value in devices and not sweep.resources["gpu"]:
        why = "trials get no GPU" if cluster.has_gpu else "no machine of this cluster has a GPU"
        raise ConfigError(
            f"device=cuda: {why} (resources.gpu={sweep.resources['gpu']:g}): use device=auto"
        )
    if Device.mps.value in devices and cluster.own:
        from trainers.device import pick_device

        pick_device(replace(sweep.training, device=Device.mps))


@contextlib.contextmanager
def _removed_if_refused(folder: Folder) -> Iterator[contextlib.ExitStack]:
    """Remove the folder of a sweep that is refused before its first trial: its name stays free.

    Callers add what else is to be undone then to the stack that it yields.
    """
    undo = contextlib.ExitStack()
    undo.callback(shutil.rmtree, folder.path)
    try:
        yield undo
    except BaseException:
        if not any(folder.trials.iterdir()):
            undo.close()
        raise
