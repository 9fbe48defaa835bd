"""Stands for a command whose imports take seconds; an import may swallow an exception."""

import contextlib
import sys
import time

sys.stdout.write("importing\n")
sys.stdout.flush()
with contextlib.suppress(BaseException):
    time.sleep(60)
time.sleep(60)
