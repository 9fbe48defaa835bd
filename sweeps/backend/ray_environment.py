"""Give Ray's processes the environment that trials need, and the address asked for.

A sweep's own Ray, and a head at a loopback address, listen on the loopback interface alone.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

#: Seconds that what Ray starts may take, not its own 30 for a node and 60 for a worker: on a busy
#: machine they are too few.
PATIENCE_S = 180

#: Of all processes of Ray that are started here.
SETTINGS = {
    "RAY_gcs_server_port_wait_time_s": f"{PATIENCE_S}",
    "RAY_raylet_start_wait_time_s": f"{PATIENCE_S}",
    "RAY_worker_register_timeout_seconds": f"{PATIENCE_S}",
    # Pages for everybody, without the token. The two that have a port can be had off only by one
    # that none is: Ray says so in its own log, and goes on.
    "RAY_enable_metrics_collection": "0",
    "AUTOSCALER_METRIC_PORT": "65536",
    "DASHBOARD_METRIC_PORT": "65536",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",
    # It would start processes that no trial can have (`sweeps.backend.ready_workers`).
    "RAY_prestart_worker_first_driver": "0",
}

#: Variables that a trial may need: where programs, libraries, data and devices are, and how many
#: threads. Keys and passwords are not among them. Others reach a trial under a name CAVIAR_….
_NEEDED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TERM|TMPDIR|TEMP|TMP|HOSTNAME|VIRTUAL_ENV"
    r"|PYTHON\w*|LD_\w+|DYLD_\w+|CUDA\w*|NVIDIA_\w+|NCCL_\w+|CUBLAS\w*|CUDNN\w*|ROCR?_\w+|HIP_\w+"
    r"|OMP_\w+|MKL_\w+|OPENBLAS_\w+|NUMEXPR_\w+|KMP_\w+|GOMP_\w+|ATEN_\w+|TORCH\w*|PYTORCH_\w+"
    r"|TRITON_\w+|XDG_\w+|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|RAY_\w+|TUNE_\w+"
    r"|(?:AUTOSCALER|DASHBOARD)_METRIC_PORT"
    r"|DATA_ROOT|CAVIAR_\w+|HYDRA_FULL_ERROR|SLURM_\w+|GIT_CEILING_DIRECTORIES|COLUMNS|COVERAGE_\w+"
)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine for itself alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def for_trials(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an environment that Ray's processes are given."""
    return {name: value for name, value in environment.items() if _NEEDED.fullmatch(name)}


def python_path(environment: Mapping[str, str]) -> dict[str, str]:
    """Return PYTHONPATH as it means the same in another folder; empty if it is not set.

    So that trials import what the person does: packages outside the checkout.
    """
    folders = environment.get("PYTHONPATH", "").split(os.pathsep)
    absolute = [os.path.abspath(os.path.expanduser(folder)) for folder in folders if folder]
    return {"PYTHONPATH": os.pathsep.join(absolute)} if absolute else {}


def plain_python(folder: Path) -> str:
    """Return this Python by a path that a shell takes for one word, as Ray's workers need it.

    Args:
        folder: where to put a link to the environment, if there must be one.
    """
    if re.fullmatch(r"[\w./+-]+", sys.executable):
        return sys.executable
    python = Path(sys.executable)
    link = folder / "venv"
    link.symlink_to(python.parent.parent)
    return str(link / python.parent.name / python.name)


@contextlib.contextmanager
def run_by(python: str) -> Iterator[None]:
    """Let Ray start its processes, within a `with` block, by a Python of this path."""
    before, sys.executable = sys.executable, python
    try:
        yield
    finally:
        sys.executable = before


def keep_loopback() -> None:
    """Let Ray use 127.0.0.1 where it is given: it would put the machine's outer address there."""
    from ray._private import services

    vars(services)["resolve_ip_for_localhost"] = lambda host: host


@contextlib.contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables within a `with` block."""
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


@contextlib.contextmanager
def without_secrets() -> Iterator[None]:
    """Let Ray's processes that are started within have no variables but those that trials need.

    This process keeps its own: others of its threads may need them meanwhile.
    """
    from ray._private import services

    before = vars(services)["os"]
    vars(services)["os"] = _OsForTrials()
    try:
        yield
    finally:
        vars(services)["os"] = before


class _OsForTrials:
    """Stands for the module `os` where Ray reads the environment of the processes it starts."""

    @property
    def environ(self) -> dict[str, str]:
        """Return a copy of the environment without what trials do not need."""
        return for_trials(os.environ)

    def __getattr__(self, name: str) -> Any:
        """Return whatever else the module has."""
        return getattr(os, name)
