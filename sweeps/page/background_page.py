"""Make a running sweep's report.html in a process of its own: `background_page FOLDER`.

Ends at once when its input ends, which its parent holds open; prints the seconds of a CPU that it
took.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from sweeps.page import report_file
from sweeps.results_folder import Folder


def main() -> None:
    """Make the page of the folder that the command line names."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    report_file.write([report_file.review(Folder(Path(sys.argv[1])))])
    sys.stdout.write(f"{time.process_time():.2f}\n")
    sys.stdout.flush()
    os._exit(0)  # the thread still reads


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main()
