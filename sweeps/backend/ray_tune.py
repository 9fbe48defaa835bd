"""Run trials with Ray Tune: start them on free slots, and carry what the driver decides.

Thin adapters from Tune's searcher, scheduler, stopper and callback to a `Driver`. Nothing of
Tune's own state is kept; the study is the record.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray import tune
from ray.air._internal import usage
from ray.tune.execution import class_cache
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher
from ray.util.placement_group import NODE_ID_LABEL_KEY

from sweeps.backend import worker as trial_side
from sweeps.backend.machines import named
from sweeps.backend.ray_watch import RayLost, is_lost, kill_rest, watched
from sweeps.backend.ready_workers import OF_TRIALS
from sweeps.backend.room import Room
from sweeps.backend.stream import calls
from sweeps.backend.stream.held_trials import HeldTrials
from sweeps.backend.stream.sending import StreamedResults
from sweeps.private_folder import private_folder
from sweeps.timeline import mark
from sweeps.trials import Place, State

if TYPE_CHECKING:  # a trial's process imports this module, and needs none of the driver's
    from sweeps.driver.contract import Assignment, LookUpSlots
    from sweeps.driver.driver import Driver

#: Trials that may wait for their process at once, so that slots fill in parallel.
_STARTING = 64
#: Seconds that epochs on their way may take to arrive once a session ends.
_ARRIVE_S = 10.0

#: Must be set before Tune is used: no files of its own, no handling of Ctrl-C.
ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_AUTO_CALLBACK_SYNCER": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
    "TUNE_MAX_PENDING_TRIALS_PG": str(_STARTING),
    "TUNE_RESULT_BUFFER_LENGTH": "0",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "TUNE_FORCE_TRIAL_CLEANUP_S": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
}


def run(
    driver: Driver,
    slots: LookUpSlots,
    lost_processes: int,
    how_to_go_on: str,
    last_begun: Callable[[], None],
    streams: StreamedResults | None = None,
) -> bool:
    """Run trials until the driver has none left, has no slot any more, or is halted.

    It is halted when Ray is lost here.

    Args:
        slots: looks up how many trials may run at once, now.
        lost_processes: how often a trial's process or machine may be lost before it has failed.
        how_to_go_on: command that goes on with the sweep, printed if nothing else can be done.
        last_begun: called once the driver has no further trial to hand out.
        streams: takes in the files of trials elsewhere; None: all run on this machine.

    Returns:
        Whether trials are left, for which there is no slot now.
    """
    set_environment()
    here = _Here(driver)
    room, held = Room(driver, slots), HeldTrials()
    with private_folder("caviar-tune-") as scratch:
        tuner = tune.Tuner(
            tune.with_resources(_trainable, _resources),
            tune_config=tune.TuneConfig(
                search_alg=_Proposals(here, room, last_begun, streams),
                scheduler=_Decisions(here, room, held, streams),
                num_samples=-1,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=str(scratch),
                stop=_Halt(here),
                callbacks=[_Events(here, room, held, streams)],
                failure_config=tune.FailureConfig(max_failures=lost_processes),
                verbose=0,
            ),
        )
        try:
            with watched(partial(_leave, how_to_go_on)):
                tuner.fit()
        except RayLost as error:
            driver.halt(f"Ray has lost its {error}; trials go on from their last epochs")
    return not driver.finished


def set_environment() -> None:
    """Set what Tune reads, and give trials none of what is in this process's environment."""
    os.environ.update(ENVIRONMENT)
    # Tune would give them the keys of a cloud, on machines of others too.
    vars(class_cache).update(DEFAULT_ENV_VARS=OF_TRIALS, ENV_VARS_TO_PROPAGATE=())
    vars(usage)["tag_callbacks"] = bool  # counts those of W&B, whose import takes a second


def _leave(how_to_go_on: str, lost: str) -> None:
    """End the process, which waits for a Ray that is no more; all finished epochs are on disk."""
    shown = "\x1b[?25h\n" if sys.stdout.isatty() else ""  # the cursor, which the display hides
    sys.stdout.write(f"{shown}Ray has lost its {lost}. No finished epoch is: {how_to_go_on}\n")
    sys.stdout.flush()
    kill_rest()
    os._exit(1)


class _Here:
    """Keeps the driver here: Tune pickles what it is given, for a restore nobody makes."""

    def __init__(self, driver: Driver | None) -> None:
        self._driver = driver

    def __call__(self) -> Driver:
        assert self._driver is not None, "only in the driver's process"
        return self._driver

    def __reduce__(self) -> tuple[type[_Here], tuple[None]]:
        return _Here, (None,)

    def __deepcopy__(self, memo: dict[int, Any]) -> _Here:
        return self


def _trainable(config: dict[str, Any]) -> None:
    """Run in a trial's process."""
    hide_cards(config["config"]["resources"])
    context = ray.get_runtime_context()
    node = context.get_node_id()
    member = str(context.get_node_labels().get("member", ""))
    reach = partial(calls.connect, config["session"]) if "session" in config else None
    if node == config.get("driver"):
        config = {**config, "data": None}  # it is where the configuration says
    trial_side.train(config, member, lambda result: tune.report({**result, "node": node}), reach)


def hide_cards(resources: Mapping[str, Any]) -> None:
    """Hide the cards of the machine from a trial that was given none: Ray shows it all of them."""
    if not resources["gpu"]:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def _resources(config: Mapping[str, Any]) -> tune.PlacementGroupFactory:
    wanted = config["config"]["resources"]
    bundle = {"CPU": float(wanted["cpu"])}
    if wanted["gpu"]:
        bundle["GPU"] = float(wanted["gpu"])
    if not config["away"]:
        return tune.PlacementGroupFactory([bundle])
    elsewhere = {NODE_ID_LABEL_KEY: f"!in({','.join(config['away'])})"}
    return tune.PlacementGroupFactory([bundle], bundle_label_selector=[elsewhere])


class _Proposals(Searcher):
    """Asks the driver for a trial whenever a slot is free."""

    def __init__(
        self,
        driver: _Here,
        room: Room,
        last_begun: Callable[[], None],
        streams: StreamedResults | None,
    ) -> None:
        super().__init__()
        self._driver, self._streams = driver, streams
        self._room: Room | None = room
        self._last_begun: Callable[[], None] | None = last_begun

    def suggest(self, trial_id: str) -> Any:
        assert self._room is not None
        if self._driver().finished:
            self._all_begun()
            # Tune asks no more once it is told so; but one that runs may give way, and go on later.
            return None if self._room.is_shared and self._driver().running else Searcher.FINISHED
        if self._room.has_none:
            return Searcher.FINISHED
        if self._driver().running.slots >= self._room.trials:
            return None
        assignment = self._driver().next()
        if assignment is None:
            return self.suggest(trial_id) if self._driver().finished else None
        away = {*self._room.away}
        if not assignment.config["resources"]["gpu"]:
            away.update(self._room.with_cards)
        if self._streams is None:
            return _work(assignment, sorted(away))
        work = _work(assignment, sorted({*away, *self._streams.lacking}))
        return {**work, **self._streams.work(assignment.config)}

    def _all_begun(self) -> None:
        if self._last_begun is not None:
            self._last_begun()
            self._last_begun = None

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Told by `_Decisions` and `_Events` already."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_room": None, "_last_begun": None, "_streams": None}

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: the study remembers."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: the study remembers."""


class _Decisions(FIFOScheduler):
    """Passes each result to the driver, and its decision to Tune."""

    def __init__(
        self, driver: _Here, room: Room, held: HeldTrials, streams: StreamedResults | None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._driver, self._held, self._streams = driver, held, streams
        self._room: Room | None = room
        self._trained = False

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_room": None, "_streams": None}

    def choose_trial_to_run(self, tune_controller: Any) -> None:
        """Choose none: Tune starts them in their order.

        One that is chosen takes the process that another trial has left, though its own has all
        but started, and is ended for that: beside short trials no second process came to be.
        """

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        assert self._room is not None
        self._room.controller = vars(tune_controller)["_tune_controller"]
        name = trial.config["trial"]
        if "state" in result:
            self._ends_badly(name, result)
            return str(self.STOP)
        if "lacks" in result and self._streams is not None:
            machine = named(result["member"], result["machine"])
            self._streams.lacks(result["node"], machine, result["lacks"])
            self._driver().give_back(name)
            return str(self.STOP)
        if "apart" in result and self._streams is not None:
            machine = named(result["member"], result["machine"])
            if message := self._streams.apart(result["node"], machine):
                self._driver().notify(message)
        if "waiting" in result:
            self._driver().notify(f"{name} waits: {result['waiting']}")
        if "epoch" not in result:
            return str(self.CONTINUE)
        if not self._trained:
            self._trained = True
            mark("train")
        for note in result.get("notes", ()):
            self._driver().notify(f"{name}: {note}")
        metrics = _below("metrics/", result)
        load, streams = _below("load/", result), bool(result["streams"])
        place = Place(result["member"], result["machine"], load, result["node"], streams)
        if self._driver().epoch(name, result["epoch"], metrics, place):
            return str(self.STOP)
        if self._driver().arriving.is_held(name) or (streams and self._driver().halted):
            self._held.hold(name, self._room.controller, trial)
            return str(self.NOOP)
        return str(self.CONTINUE)

    def _ends_badly(self, name: str, result: Mapping[str, Any]) -> None:
        """End a trial that cannot go on, or let it try once more with more memory."""
        driver, reason = self._driver(), result["reason"]
        if result.get("memory"):
            if driver.try_alone(name, reason):
                return
            reason += ", with a card to itself" if driver.running.is_alone(name) else ""
        driver.failed(name, State(result["state"]), reason)


def _below(prefix: str, result: Mapping[str, Any]) -> dict[str, float]:
    """Return a dictionary within a result, which Tune has flattened."""
    return {k.removeprefix(prefix): v for k, v in result.items() if k.startswith(prefix)}


class _Events(tune.Callback):
    """Notes what happens to the trials' processes and to the machines."""

    def __init__(
        self, driver: _Here, room: Room, held: HeldTrials, streams: StreamedResults | None
    ) -> None:
        self._driver, self._held = driver, held
        self._room: Room | None = room
        self._streams = streams

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_room": None, "_streams": None}

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        assert self._room is not None
        self._room.look()
        self._room.end_idle()
        self._let_go(trials)
        self._driver().listen()
        if self._streams is not None and not self._driver().halted:
            self._held.look(self._driver().arrived)

    def _let_go(self, trials: list[Trial]) -> None:
        """Take back the trials that are to leave, and wait for a slot which may never come."""
        assert self._room is not None
        if (leaving := self._driver().waiting.leaving) and (controller := self._room.controller):
            for trial in trials:
                if trial.status == Trial.PENDING and trial.config["trial"] in leaving:
                    self._driver().give_back(trial.config["trial"])
                    _drop(controller, trial)

    def on_trial_recover(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        name = trial.config["trial"]
        self._held.drop(name)
        controller = None if self._room is None else self._room.controller
        if (
            controller is not None
            and isinstance(trial.get_pickled_error(), ray.exceptions.OutOfMemoryError)
            and self._driver().try_alone(name, "its machine ran out of memory")
        ):
            _drop(controller, trial)
            return
        self._driver().notify(f"{name}: its process was lost; it goes on from its last epoch")

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        if is_lost():
            return  # nothing is wrong with the trial: it goes on when the sweep is resumed
        times = trial.run_metadata.num_failures
        reason = f"its process was lost {times} times"
        if isinstance(trial.get_pickled_error(), ray.exceptions.OutOfMemoryError):
            reason += ", at last because its machine ran out of memory"
        self._driver().failed(trial.config["trial"], State.FAILED, reason)

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        self._driver().failed(
            trial.config["trial"], State.FAILED, "it ended without its last epoch"
        )


def _drop(controller: Any, trial: Trial) -> None:
    """Let Tune forget a trial that waits for a slot; the driver hands it out anew."""
    if trial in controller._staged_trials:
        controller._unstage_trial_with_resources(trial)
    controller.stop_trial(trial)


class _Halt(tune.Stopper):
    """Ends everything once the driver is halted, and what was on its way then has arrived."""

    def __init__(self, driver: _Here) -> None:
        self._driver = driver
        self._halted: float | None = None

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        if not self._driver().halted:
            return False
        self._halted = self._halted or time.monotonic()
        late = time.monotonic() - self._halted > _ARRIVE_S
        return late or not self._driver().arriving.any


def _work(assignment: Assignment, away: Sequence[str]) -> dict[str, Any]:
    return {
        "trial": assignment.trial,
        "config": dict(assignment.config),
        "folder": str(Path(assignment.folder).resolve()),
        "after": assignment.after,
        "owner": assignment.owner,
        "away": list(away),
    }
