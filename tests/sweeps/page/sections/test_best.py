"""What is said of the best trial can be copied and used."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

from markupsafe import Markup

from sweeps.config.composition import compose
from sweeps.page.reviewed import Reviewed
from sweeps.page.sections.best import best_trial, training_words


def test_its_configuration_is_what_is_trained_again(reviewed: Reviewed) -> None:
    sweep = reviewed.sweep
    best = sweep.ranked[0].trial
    with compose(training_words(sweep, best)) as composition:
        config = composition.trial({})
    was = sweep.trial_config(best.id)
    assert (config.optimizer.lr, config.model.width) == (
        was["optimizer"]["lr"],
        was["model"]["width"],
    )
    assert config.optimizer["_target_"] == was["optimizer"]["_target_"]
    made = Markup(best_trial(reviewed)).striptags()
    assert "make train ARGS=" in made
    (line,) = [line for line in best_trial(reviewed).splitlines() if "make predict" in line]
    assert shlex.split(Markup(line).striptags())[:3] == ["make", "predict", "SWEEP=a"]


def test_the_test_score_is_told_of_the_trial_that_it_is_of(reviewed: Reviewed) -> None:
    sweep = reviewed.sweep
    assert "has not been used yet" in best_trial(reviewed)
    for trial, told in ((sweep.ranked[0].trial.id, True), ("0099", False)):
        content = {"best": {"trial": trial, "test_accuracy": 0.875, "test_words": "x"}}
        sweep.folder.summary.write_text(json.dumps(content))
        try:
            assert ("measured once: test_accuracy 0.8750." in best_trial(reviewed)) is told
        finally:
            sweep.folder.summary.unlink()


def test_without_a_score_there_is_none(reviewed: Reviewed) -> None:
    empty = replace(reviewed, sweep=replace(reviewed.sweep, trials=()))
    assert "No trial has a score yet" in best_trial(empty)
