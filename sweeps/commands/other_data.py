"""Notice that the data are not those that a sweep was begun with."""

from __future__ import annotations

from sweeps import results_folder
from sweeps.config.trusted_targets import Origin
from sweeps.results_folder import Folder
from trainers.errors import ConfigError


def of_other_data(folder: Folder, origin: Origin) -> str:
    """Write that the data are not those that a sweep was begun with; empty if they are.

    They may be so for a reason, such as another test part; where they cannot be read, whoever
    needs them says so.
    """
    from trainers.data.resident import prepare

    recorded = results_folder.read_sweep(folder)
    data = recorded["config"]["data"]
    origin.require_trusted({"data": data})
    try:
        now = prepare(data).fingerprint
    except ConfigError:
        return ""
    if now == recorded["data"]:
        return ""
    return (
        f"the data are not those that {folder.path.name} was trained on (fingerprint "
        f"{recorded['data']}, now {now}): its scores are of the others"
    )
