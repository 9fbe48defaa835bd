"""Run `ray start` at a loopback address if asked to, and without a server for clients.

Ray would start a server for its own clients, on port 10001, which nobody here uses and two heads on
one machine would share.
"""

from __future__ import annotations

import sys

from ray.scripts import scripts

from sweeps.backend.ray_environment import keep_loopback


def main() -> None:
    """Pass the command line to Ray's own program."""
    keep_loopback()
    # Ray starts that server wherever its libraries are there.
    vars(scripts)["get_ray_client_dependency_error"] = lambda: ImportError("not wanted")
    sys.exit(scripts.main())  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
