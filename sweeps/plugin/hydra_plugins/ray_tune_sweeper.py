"""Plug into Hydra as its sweeper: `hydra/sweeper=ray_tune`.

Hydra looks for plugins in the namespace `hydra_plugins` alone.
"""

from __future__ import annotations

from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class RayTuneSweeper(Sweeper):
    """Pass what Hydra composed to `sweeps.commands.sweep`."""

    def __init__(self, task: str, of_choices: list[str]) -> None:
        """Take what Hydra has left out of its composition.

        Args:
            task: the function of `sweeps.commands.sweep` that goes on.
            of_choices: overrides of keys in groups: which choices have such a key is known when it
                is known what varies.
        """
        self._task = task
        self._of_choices = of_choices

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep Hydra's loader and configuration; the task function is not used."""
        self._loader = hydra_context.config_loader
        self._config = config

    def sweep(self, arguments: list[str]) -> Any:
        """Run the sweep that the command line describes."""
        from rich.console import Console

        with Console().status("composing the configuration"):
            from sweeps.commands import sweep
            from sweeps.config.composition import Composition

            task = {"start": sweep.start, "check": sweep.check}[self._task]
        task(Composition(self._loader, self._config, [*arguments, *self._of_choices]))


ConfigStore.instance().store(
    group="hydra/sweeper",
    name="ray_tune",
    node={"_target_": f"{__name__}.{RayTuneSweeper.__name__}", "task": "start", "of_choices": []},
    provider="caviar",
)
