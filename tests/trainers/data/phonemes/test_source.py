"""What all layouts share: signatures of files, arrays without objects, frames that are whole."""

from __future__ import annotations

import gc
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.trainers.data.phonemes.loading import loaded
from trainers.data.phonemes.source import array, checked_frames, file_names, signature
from trainers.errors import DataError


@pytest.mark.parametrize("data", ["hw1p2", "hw1p2_legacy", "libriphone"])
@pytest.mark.parametrize("there", [False, True])
def test_where_there_are_no_data_nothing_is_made(data: str, there: bool, tmp_path: Path) -> None:
    root = tmp_path / "not" / "here"
    if there:
        root.mkdir(parents=True)
    with pytest.raises(DataError, match=r"data\.root=.*data=synthetic_phonemes"):
        loaded(root, data)
    assert list(tmp_path.rglob("*")) == ([root.parent, root] if there else [])


def test_a_signature_changes_with_every_change_and_with_nothing_else(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)

    def signed() -> str:
        return signature(tmp_path, sorted(tmp_path.iterdir()))

    seen = [signed()]
    (tmp_path / "a").read_text()
    assert signed() == seen[0]
    (tmp_path / "c").write_text("c")
    seen.append(signed())
    (tmp_path / "c").rename(tmp_path / "d")
    seen.append(signed())
    (tmp_path / "a").write_text("aa")
    seen.append(signed())
    status = (tmp_path / "b").stat()
    (tmp_path / "b").write_text("B")  # as long as before, at another time
    os.utime(tmp_path / "b", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    seen.append(signed())
    (tmp_path / "a").unlink()
    seen.append(signed())
    assert len(set(seen)) == len(seen)


def test_a_signature_is_of_names_within_the_folder(tmp_path: Path) -> None:
    """The same files under another root are the same data."""
    prints = []
    for name in ("one", "other"):
        path = tmp_path / name / "mfcc" / "u.npy"
        path.parent.mkdir(parents=True)
        path.write_text("frames")
        os.utime(path, ns=(1, 1))
        prints.append(signature(tmp_path / name, [path]))
    assert prints[0] == prints[1]


def test_nothing_has_no_signature(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no data of this layout: set data\.root=…"):
        signature(tmp_path, [])


def test_names_of_files_are_sorted_and_of_one_kind(tmp_path: Path) -> None:
    for name in ("b.npy", "a.npy", "10.npy", "notes.txt", "c.npy.bak"):
        (tmp_path / name).touch()
    assert file_names(tmp_path, ".npy") == ["10", "a", "b"]
    with pytest.raises(DataError, match=r"holds no \.pt files"):
        file_names(tmp_path, ".pt")
    for absent in (tmp_path / "absent", tmp_path / "a.npy"):
        with pytest.raises(DataError, match=r"is not there: set data\.root=…"):
            file_names(absent, ".npy")


class Harmful:
    """Runs code when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_an_array_file_cannot_run_code(tmp_path: Path) -> None:
    harmful = np.empty(1, dtype=object)
    harmful[0] = Harmful(tmp_path / "ran")
    np.save(tmp_path / "u.npy", harmful, allow_pickle=True)
    with pytest.raises(DataError, match=r"u\.npy holds Python objects, .*data=hw1p2_legacy"):
        array(tmp_path / "u.npy")
    assert not (tmp_path / "ran").exists()
    np.load(tmp_path / "u.npy", allow_pickle=True)
    assert (tmp_path / "ran").exists(), "the file would have run it"


def test_only_a_whole_array_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "u.npy"
    np.save(path, np.arange(6))
    assert array(path).tolist() == list(range(6))
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"u\.npy is (damaged|no \.npy file)") as refusal:
            array(path)
        assert len(str(refusal.value).splitlines()) == 1
    np.savez(tmp_path / "several.npz", a=np.arange(3))
    with pytest.raises(DataError, match=r"several\.npz is no \.npy file"):
        array(tmp_path / "several.npz")
    with pytest.raises(DataError, match=r"absent\.npy is missing"):
        array(tmp_path / "absent.npy")


def test_threads_that_read_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    """In Python 3.11 two threads cannot parse at once where a collection lets the other one go on.

    The collector has such a pause here: without a lock some 20 of these fail.
    """
    np.save(tmp_path / "u.npy", np.ones((3, 2)))
    threshold = gc.get_threshold()

    def pause(phase: str, info: dict[str, int]) -> None:
        time.sleep(0)

    gc.callbacks.append(pause)
    gc.set_threshold(11)
    try:
        with ThreadPoolExecutor(max_workers=4) as pool:
            read = list(pool.map(lambda _: array(tmp_path / "u.npy").shape, range(4000)))
    finally:
        gc.callbacks.remove(pause)
        gc.set_threshold(*threshold)
    assert set(read) == {(3, 2)}


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_frames_of_any_float_kind_become_float32(kind: type) -> None:
    frames = np.arange(6, dtype=kind).reshape(2, 3)
    checked = checked_frames("u", frames)
    assert checked.dtype == np.float32
    np.testing.assert_array_equal(checked, frames)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros(3), r"^u must hold frames \(T, D\) of floats, and holds float64 \(3,\)"),
        (np.zeros((3, 2), np.int16), r"^u must hold frames .* holds int16 \(3, 2\)"),
        (np.zeros((0, 2)), "^u has no frames"),
        (np.zeros((3, 0)), "^u has no frames"),
        (np.array([[0.0], [np.inf]]), "^u: frame 1 holds a number that is not finite"),
        (np.array([[np.nan], [0.0]]), "^u: frame 0 holds a number that is not finite"),
        (np.array([[0.0], [0.0], [1e39]]), "^u: frame 2 holds a number that is not finite"),
    ],
)
def test_frames_that_are_none_are_refused(frames: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        checked_frames("u", frames)
