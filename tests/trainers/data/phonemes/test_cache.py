"""The cache: built once, by one process, whole or not at all, and never of files that changed."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.sweeps.waiting import until
from tests.trainers.data.phonemes.on_disk import write_hw1p2, write_legacy, write_libriphone
from trainers.config import compose
from trainers.data import resident
from trainers.data.dataset import Dataset
from trainers.data.phonemes import cache, hw1p2
from trainers.data.phonemes.recipe import CEPSTRAL
from trainers.errors import DataError

ROOT = Path(__file__).resolve().parents[4]


def settings(root: Path) -> dict[str, object]:
    return {
        "root": str(root),
        "cache": None,
        "train": "train-clean-*",
        "fraction": 1.0,
        "split_seed": 0,
        "cepstral": "mean_variance",
        "padding": "utterance",
        "context": 1,
        "dtype": "float16",
        "scaling": "none",
    }


def load(root: Path) -> Dataset:
    return hw1p2.load(**settings(root))  # type: ignore[arg-type]


def prepare(root: Path) -> None:
    hw1p2.load(**settings(root), thorough=True)  # type: ignore[arg-type]


def folder(root: Path) -> Path:
    (found,) = (p for p in (root / ".caviar").iterdir() if p.is_dir())
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_hw1p2(tmp_path / "data")


def test_is_built_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(root)
    monkeypatch.setattr(cache, "write_cache", lambda *_: pytest.fail("built again"))
    prepare(root)
    assert load(root).fingerprint == first.fingerprint


def test_is_built_anew_when_a_file_has_changed(root: Path) -> None:
    before = load(root).fingerprint
    path = root / "train-clean-100" / "mfcc" / "u1.npy"
    frames = np.load(path)
    frames[0, 0] += 1
    with path.open("r+b") as file:  # in place: the folder looks the same
        np.save(file, frames)
    os.utime(path, ns=(time.time_ns(), time.time_ns() + 10**9))
    assert load(root).fingerprint == before  # a glance does not see it
    prepare(root)
    assert load(root).fingerprint != before
    assert len([p for p in (root / ".caviar").iterdir() if p.is_dir()]) == 1


def test_a_file_that_comes_or_goes_is_seen_at_a_glance(root: Path) -> None:
    before = load(root)
    for kind in ("mfcc", "transcript"):
        (root / "train-clean-100" / kind / "u5.npy").unlink()
    after = load(root)
    assert len(after.train) < len(before.train)


def test_a_folder_that_only_looks_different_costs_no_rebuild(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load(root).fingerprint
    (root / "dev-clean" / "mfcc" / "notes.txt").write_text("mine")
    monkeypatch.setattr(cache, "write_cache", lambda *_: pytest.fail("built again"))
    assert load(root).fingerprint == before


@pytest.mark.parametrize("place", ["test-clean", "."])
def test_another_order_of_the_test_utterances_is_seen_at_a_glance(place: str, root: Path) -> None:
    before = load(root).fingerprint
    (root / place / "test_order.csv").write_text("file\nu2.npy\nu0.npy\nu1.npy\n")
    listed = load(root).fingerprint
    assert listed != before
    (root / place / "test_order.csv").unlink()
    assert load(root).fingerprint == before


def test_is_built_where_an_error_is_being_handled(root: Path) -> None:
    try:
        raise KeyError("of something else")
    except KeyError:
        assert len(load(root).train) > 0


@pytest.mark.parametrize("what", ["cut", "gone", "meta", "version"])
def test_a_damaged_cache_is_built_anew(what: str, root: Path) -> None:
    before = load(root)
    place = folder(root)
    if what == "cut":
        (place / "train.frames").write_bytes((place / "train.frames").read_bytes()[:-2])
    elif what == "gone":
        (place / "valid.labels").unlink()
    elif what == "meta":
        (place / "meta.json").write_text("{")
    else:
        meta = json.loads((place / "meta.json").read_text())
        (place / "meta.json").write_text(json.dumps(meta | {"version": 99}))
    after = load(root)
    assert after.fingerprint == before.fingerprint
    index = torch.arange(10)
    assert torch.equal(after.train.batch(index)[0], before.train.batch(index)[0])


def test_variants_lie_side_by_side(root: Path) -> None:
    for cepstral in CEPSTRAL:
        hw1p2.load(**(settings(root) | {"cepstral": cepstral}))  # type: ignore[arg-type]
    assert len([p for p in (root / ".caviar").iterdir() if p.is_dir()]) == 3


SLOW = """
import sys, time
from pathlib import Path
from tests.trainers.data.phonemes import test_cache
from trainers.data.phonemes import cache_writer
add = cache_writer.PartWriter.add
def slow(self, utterance):
    add(self, utterance)
    around = Path(sys.argv[1]).parent
    around.joinpath("writing").touch()
    while not around.joinpath("go on").exists():
        time.sleep(0.01)
cache_writer.PartWriter.add = slow
print(test_cache.load(Path(sys.argv[1])).fingerprint)
"""


def building(root: Path) -> subprocess.Popen[str]:
    """A process that is building, and waits in the middle of it until `go on` is there."""
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(root)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    until((root.parent / "writing").exists, running=process)
    return process


@pytest.mark.machines
def test_a_kill_leaves_nothing_that_opens(root: Path) -> None:
    process = building(root)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = [p.name for p in (root / ".caviar").iterdir() if p.is_dir()]
    assert [name.endswith(".tmp") for name in left] == [True]
    assert len(load(root).train) > 0
    assert [p.name for p in (root / ".caviar").iterdir() if p.is_dir()] == [folder(root).name]
    assert not folder(root).name.endswith(".tmp")


@pytest.mark.machines
def test_of_two_processes_one_builds_and_the_other_waits(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = building(root)
    lock = fcntl.flock

    def waiting(file: object, how: int) -> None:
        (root.parent / "go on").touch()  # the other goes on only now that this one is at the lock
        lock(file, how)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", waiting)
    monkeypatch.setattr(cache, "write_cache", lambda *_: pytest.fail("built twice"))
    mine = load(root).fingerprint
    output, _ = process.communicate()
    assert output.strip() == mine
    assert process.returncode == 0


def test_a_folder_that_cannot_be_written_is_refused_with_the_remedy(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot be written.*data\.cache="):
        hw1p2.load(**(settings(root) | {"cache": str(tmp_path / "file" / "in")}))  # type: ignore[arg-type]


@pytest.mark.machines
def test_building_takes_little_memory(tmp_path: Path) -> None:
    """In a process of its own: what building adds to the peak, against the size of the result."""
    program = (
        "import sys\n"
        "from trainers.data.phonemes import synthetic\n"
        # Not getrusage's, which is never below what the process that started this one had.
        "def peak():\n"
        " told = open('/proc/self/status').read().partition('VmHWM:')[2]\n"
        " return int(told.split()[0]) * 1024\n"
        "def load(n, where): synthetic.load(None, where, n, 28, 0, 1.0, 0, 'mean_variance',"
        " 'utterance', 5, 'float32', 'none')\n"
        "load(20, sys.argv[1]); before = peak(); load(1200, sys.argv[1])\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    size = max(path.stat().st_size for path in tmp_path.rglob("train.frames"))
    assert size > 30e6
    assert int(done.stdout) < size


def test_knows_without_reading_whether_it_was_built(root: Path) -> None:
    words = settings(root)
    assert not hw1p2.here(**words)  # type: ignore[arg-type]
    assert not (root / ".caviar").exists()
    prepare(root)
    assert hw1p2.here(**words)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "write", "file", "told"),
    [
        ("hw1p2", write_hw1p2, "dev-clean/mfcc", "dev-clean/mfcc is not there"),
        ("hw1p2", write_hw1p2, "train-clean-100/transcript/u0.npy", "has no transcript beside it"),
        ("hw1p2_legacy", write_legacy, "dev_labels.npy", "dev_labels.npy is missing"),
        ("libriphone", write_libriphone, "train_labels.txt", "train_labels.txt cannot be read"),
    ],
)
def test_a_missing_file_is_seen_before_anything_is_read_or_built(
    data: str, write: Callable[[Path], Path], file: str, told: str, tmp_path: Path
) -> None:
    root = write(tmp_path / "data")
    keys = compose([f"data={data}", f"data.root={root}"]).data
    assert not resident.here(keys)
    gone = root / file
    gone.rename(tmp_path / "gone")
    with pytest.raises(DataError, match=told):
        resident.here(keys)
    assert not (root / ".caviar").exists()
    (tmp_path / "gone").rename(gone)
    resident.prepare(keys)
    assert resident.here(keys)
    assert not resident.here({**keys, "dtype": "float32"}), "that is another cache"


def test_two_data_sets_in_one_folder_of_caches_do_not_build_each_other_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        words = settings(write_hw1p2(tmp_path / name / "data")) | {"cache": str(tmp_path / "all")}
        hw1p2.load(**words, thorough=True)  # type: ignore[arg-type]
    monkeypatch.setattr(cache, "write_cache", lambda *_: pytest.fail("built again"))
    for name in ("a", "b"):
        words["root"] = str(tmp_path / name / "data")
        hw1p2.load(**words, thorough=True)  # type: ignore[arg-type]
