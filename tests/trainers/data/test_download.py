from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from trainers.data.download import fetch
from trainers.errors import DataError

CONTENT = bytes(range(256)) * 2000
FILES = {"a.gz": hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass

    def send_header(self, keyword: str, value: str) -> None:
        if keyword == "Content-Length" and "short" in self.path:
            value = str(int(value) + 1000)  # promises more than it sends
        super().send_header(keyword, value)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Address of a server with good/, wrong/ and short/, each with a.gz."""
    for name, content in (("good", CONTENT), ("wrong", CONTENT[1:]), ("short", CONTENT)):
        (tmp_path / "served" / name).mkdir(parents=True)
        (tmp_path / "served" / name / "a.gz").write_bytes(content)
    handler = partial(Quiet, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def only_a(folder: Path) -> bool:
    return [p.name for p in folder.iterdir()] == ["a.gz"] and (
        folder / "a.gz"
    ).read_bytes() == CONTENT


def test_fetches_into_a_new_folder(served: str, tmp_path: Path) -> None:
    fetch(FILES, [f"{served}/good/"], tmp_path / "new" / "folder")
    assert only_a(tmp_path / "new" / "folder")


@pytest.mark.parametrize("bad", ["wrong", "short", "absent"])
def test_goes_on_to_the_next_mirror(bad: str, served: str, tmp_path: Path) -> None:
    if bad == "short":
        (tmp_path / "served" / "short" / "a.gz").write_bytes(CONTENT[:-1000])
    fetch(FILES, [f"{served}/{bad}/", f"{served}/good/"], tmp_path / "to")
    assert only_a(tmp_path / "to")


def test_a_server_that_is_not_there(served: str, tmp_path: Path) -> None:
    fetch(FILES, ["http://127.0.0.1:9/", f"{served}/good/"], tmp_path / "to")
    assert only_a(tmp_path / "to")


def test_when_no_mirror_has_it_each_is_named_and_nothing_is_left(
    served: str, tmp_path: Path
) -> None:
    mirrors = [f"{served}/wrong/", f"{served}/absent/", "http://127.0.0.1:9/"]
    with pytest.raises(DataError, match=r"a\.gz: .*MD5 is .*; .*HTTP 404; .*refused") as failure:
        fetch(FILES, mirrors, tmp_path / "to")
    assert len(str(failure.value).splitlines()) == 1
    assert list((tmp_path / "to").iterdir()) == []


def test_offline_no_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="refused"):
        fetch(FILES, ["http://127.0.0.1:9/"], tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_several_at_once(served: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(fetch, FILES, [f"{served}/good/"], tmp_path / "to") for _ in range(8)]
        for job in jobs:
            job.result()
    assert only_a(tmp_path / "to")
