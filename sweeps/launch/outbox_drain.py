"""Drain the outbox before exit: wait until the study has every record, or Ctrl-C is pressed."""

from __future__ import annotations

import time

from sweeps.driver.driver import Driver
from sweeps.study.study import Study

#: Seconds between two looks, and seconds that someone who has pressed Ctrl-C is kept waiting.
_LOOK_S = 0.2
_LEAVING_S = 2.0


def drain(driver: Driver, study: Study) -> None:
    """Wait until the study has every record, unless the driver is halted, as by Ctrl-C.

    What is left unwritten then is not lost: the trials' folders have their epochs, and a session
    that resumes makes the same decisions of them.
    """
    driver.listen()
    if study.waiting and not (driver.halted or study.lost):
        driver.notify(
            "nothing is left to run, but the study cannot be reached, and lacks the last "
            f"{study.waiting} records. Ctrl-C leaves without them: make resume finds them again in "
            "the trials' folders"
        )
    leaving: float | None = None
    while study.waiting and not study.lost:
        if driver.halted:
            leaving = leaving or time.monotonic() + _LEAVING_S
            if time.monotonic() > leaving:
                driver.notify(
                    f"the study lacks the last {study.waiting} records: make resume finds them "
                    "again in the trials' folders"
                )
                break
        time.sleep(_LOOK_S)
        driver.listen()
    driver.listen()
