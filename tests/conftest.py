"""Settings of all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from sweeps.cli import use_plugins

# A busy machine is no failure.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("untimed")

use_plugins()  # Hydra looks for them once, at its first use
