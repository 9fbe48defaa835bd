"""A machine that does not fit to a head is told so before it joins, and what to do."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from cluster.machine import admission as module
from cluster.machine.admission import admit, clock_misfit, misfits
from cluster.machine.cards import Cards
from cluster.machine.terms import Terms
from cluster.service.checkout import Checkout, checkout
from sweeps.backend.known_head import Head
from tests.cluster.raylets import free_port
from tests.cluster.stand_in import of_head, service
from trainers.errors import ConfigError


class Two(Cards):
    """Two cards."""

    def __init__(self) -> None:
        self.driver = self.fault = ""

    def __len__(self) -> int:
        return 2


def refused(tmp_path: Path, gpus: str = "", **other: object) -> str:
    """Why this machine may not join a head that is otherwise as it is itself; empty if it may."""
    token = tmp_path / "token"
    token.write_text("x")
    with service(200, of_head(**other)) as (address, _):
        head = SimpleNamespace(address=address, token=str(token), answers=lambda: True)
        try:
            admit(cast(Head, head), Terms.parse("", gpus, "", ""), Two())
        except ConfigError as error:
            return str(error)
    return ""


def test_one_that_is_like_the_head_may_join(tmp_path: Path) -> None:
    assert refused(tmp_path) == ""
    assert refused(tmp_path, gpus="2", time=time.time() + 50) == ""


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"python": "3.11.999"}, "3.11.999 at the head, and Ray needs the same: install that"),
        ({"ray": "2.59.0"}, "2.59.0 at the head: bring both checkouts to one commit"),
        ({"torch": "2.12.1"}, "2.12.1 at the head"),
        ({"code": "0" * 64, "commit": "abcdef0123456"}, "git fetch && git checkout abcdef012"),
        ({"code": "0" * 64}, "one of them has changes of its own"),
        ({"code": "0" * 64, "commit": ""}, "unknown there): install the head's version here"),
        ({"python": None, "ray": "<b>\n[red]"}, "None at the head"),
        ({"time": time.time() - 3600}, "s ahead of the head's: set both by the network"),
        ({"time": None}, "does not tell its time"),
    ],
)
def test_another_one_is_refused_in_a_line_or_two(
    tmp_path: Path, other: dict[str, object], said: str
) -> None:
    refusal = refused(tmp_path, **other)
    assert said in refusal
    assert len(refusal.splitlines()) == 1


def test_more_cards_than_there_are_cannot_be_lent(tmp_path: Path) -> None:
    assert refused(tmp_path, gpus="3") == "GPUS=3: this machine has 2 cards: lend no more"


def test_where_nobody_answers_it_says_so(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("x")
    head = Head(f"127.0.0.1:{free_port()}", str(token))
    with pytest.raises(ConfigError, match="nothing answers at HEAD="):
        admit(head, Terms.parse("", "", "", ""), Two())


def test_a_disk_that_is_nearly_full_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(free=3.21e9)
    monkeypatch.setattr(module, "shutil", SimpleNamespace(disk_usage=lambda folder: usage))
    assert next(module._warnings()).startswith("only 3.2 GB are free in ")


def test_which_cuda_torch_is_for_is_of_no_concern() -> None:
    here = checkout()
    theirs = {"commit": here.commit, "code": here.code, "python": here.python}
    assert not [*misfits(here, {**theirs, "ray": here.ray, "torch": here.torch})]
    other = Checkout("", here.code, here.python, here.ray, here.torch)
    assert not [*misfits(other, {**theirs, "ray": here.ray, "torch": here.torch})], "same files"


def test_clocks_are_compared_both_ways() -> None:
    assert clock_misfit({"time": 1000.0}, 1060.0) == ""
    assert "61 s ahead of" in clock_misfit({"time": 1000.0}, 1061.0)
    assert "3600 s behind" in clock_misfit({"time": 4600.0}, 1000.0)
