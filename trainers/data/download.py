"""Download files from mirrors: verified, with a progress bar, in place only when complete."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from trainers.errors import DataError
from trainers.files.whole_file import replacing

_TIMEOUT_S = 20
_BLOCK = 1 << 16


def fetch(files: Mapping[str, str], mirrors: Sequence[str], folder: Path) -> None:
    """Download each file into `folder`, from the first mirror that has it complete.

    Several processes may do so at once: each writes under a name of its own and renames.

    Args:
        files: name -> MD5 of the content, in hexadecimal.
        mirrors: addresses that the names are added to, in order of preference.
        folder: made if need be.

    Raises:
        DataError: no mirror has a file; with the reason of each mirror.
    """
    # rich is slow to import and only wanted here.
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    silent = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=silent) as bar:
        for name, md5 in files.items():
            task = bar.add_task(name, total=None)

            def show(done: int, total: int | None, task: object = task) -> None:
                bar.update(task, completed=done, total=total)  # type: ignore[arg-type]

            _from_first(name, md5, mirrors, folder, show)


def _from_first(
    name: str,
    md5: str,
    mirrors: Sequence[str],
    folder: Path,
    show: Callable[[int, int | None], None],
) -> None:
    reasons = []
    for mirror in mirrors:
        host = urllib.parse.urlsplit(mirror).netloc
        try:
            with replacing(folder / name) as fresh:
                received = _download(mirror + name, fresh, show)
                if received != md5:
                    raise OSError(f"MD5 is {received}, not {md5}")
            return
        except urllib.error.HTTPError as error:
            reasons.append(f"{host}: HTTP {error.code}")
        except urllib.error.URLError as error:
            reasons.append(f"{host}: {error.reason}")
        except (OSError, http.client.HTTPException) as error:
            reasons.append(f"{host}: {error}")
    raise DataError(f"{name}: {'; '.join(reasons)}")


def _download(address: str, path: Path, show: Callable[[int, int | None], None]) -> str:
    """Write a download to `path`; return its MD5."""
    digest = hashlib.md5(usedforsecurity=False)
    done = 0
    with contextlib.ExitStack() as stack:
        response = stack.enter_context(urllib.request.urlopen(address, timeout=_TIMEOUT_S))
        path.parent.mkdir(parents=True, exist_ok=True)  # not before something answers
        file = stack.enter_context(path.open("wb"))
        length = response.headers.get("Content-Length")
        while block := response.read(_BLOCK):
            file.write(block)
            digest.update(block)
            done += len(block)
            show(done, int(length) if length else None)
    return digest.hexdigest()
