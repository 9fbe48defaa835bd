"""Start Ray while the driver checks the configuration and fetches the data."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from sweeps.backend.ray_session import Cluster, Ray


@contextlib.contextmanager
def started_early(ray: Ray, resources: Mapping[str, Any], most: int | None) -> Iterator[Ray]:
    """Begin to start a Ray within a `with` block; what it yields waits until it is up.

    Arguments of the sweep that it is for, as of `Cluster.prepare`.
    """
    early = _EarlyRay(ray, resources, most)
    try:
        yield early.cluster
    finally:
        early.end()


class _EarlyRay:
    """Keeps a Ray in a thread, which outlives it: Linux ends Ray's processes with that thread."""

    def __init__(self, ray: Ray, resources: Mapping[str, Any], most: int | None) -> None:
        self._ray, self._resources, self._most = ray, resources, most
        self._cluster: Cluster | None = None
        self._error: BaseException | None = None
        self._up, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._keep, name="ray", daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def cluster(self) -> Iterator[Cluster]:
        """Wait for Ray, within a `with` block.

        Raises:
            ConfigError: whatever the start of Ray raised.
        """
        self._up.wait()
        if self._error is not None:
            raise self._error
        assert self._cluster is not None
        yield self._cluster

    def end(self) -> None:
        """End Ray, which may still be starting."""
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        try:
            with self._ray() as self._cluster:
                if not self._over.is_set():
                    self._cluster.prepare(self._resources, self._most)
                    self._up.set()
                    self._over.wait()
        except BaseException as error:  # for whoever waits
            self._error = error
        finally:
            self._up.set()
