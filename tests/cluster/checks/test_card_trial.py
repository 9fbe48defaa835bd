"""Cards are tried in another process; what comes of it is told with its remedy."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from cluster.checks import card_trial
from cluster.checks.check import Check, Verdict
from cluster.machine.cards import Cards

GOOD = {"name": "T4", "error": "", "ms": 0.5, "free_gb": 14.0, "total_gb": 15.8}


class There(Cards):
    """Cards of a machine that has some, or should have."""

    def __init__(self, number: int, fault: str = "") -> None:
        self._handles, self.driver, self.fault = [*range(number)], "590.44", fault


def checks(
    monkeypatch: pytest.MonkeyPatch, there: Cards, answer: dict[str, Any] | str | None = None
) -> list[Check]:
    """What is told of such cards, where the process that tries them answers so."""

    def run(words: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
        if answer is None:
            raise subprocess.TimeoutExpired(words, more["timeout"])
        failed = isinstance(answer, str)
        return subprocess.CompletedProcess(words, failed, json.dumps(answer), str(answer))

    monkeypatch.setattr(card_trial, "Cards", lambda: there)
    monkeypatch.setattr(subprocess, "run", run)
    return card_trial.cards()


def test_the_cards_of_this_machine_are_tried() -> None:
    found = card_trial.cards()
    assert found
    assert all(check.verdict is Verdict.OK or check.remedy for check in found)


def test_a_machine_without_cards_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    [check] = checks(monkeypatch, There(0))
    assert check.verdict is Verdict.OK
    assert "(CUDA_VISIBLE_DEVICES=)" in check.found


def test_each_card_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    used = {**GOOD, "free_gb": 0.3}
    broken = {"name": "T4", "error": "it multiplies wrongly"}
    answer = {"torch": "2.13.0", "cuda": "13.0", "cards": [GOOD, used, broken]}
    good, busy, bad = checks(monkeypatch, There(3), answer)
    assert good.verdict is Verdict.OK
    assert "T4, 14.0 of 15.8 GB free, driver 590.44" in good.found
    assert (busy.verdict, busy.what) == (Verdict.WARN, "card 1")
    assert (bad.verdict, bad.found) == (Verdict.FAIL, "T4: it multiplies wrongly")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"torch": "2.13.0+cpu", "cuda": None, "cards": []}, "torch 2.13.0+cpu is for CUDA —"),
        ("Traceback\nRuntimeError: no device", "RuntimeError: no device"),
        (None, "timed out"),
    ],
)
def test_cards_that_torch_cannot_use_fail(
    monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | str | None, said: str
) -> None:
    [check] = checks(monkeypatch, There(1), answer)
    assert check.verdict is Verdict.FAIL
    assert said in check.found
    assert check.remedy


def test_a_driver_that_does_not_answer_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    [check] = checks(monkeypatch, There(0, "Driver/library version mismatch"))
    assert check.verdict is Verdict.FAIL


def test_without_a_card_the_trial_finds_none(capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    card_trial.main()
    found = json.loads(capsys.readouterr().out)
    assert len(found["cards"]) == torch.cuda.device_count()
    assert found["torch"] == torch.__version__
