"""Confusion matrix and what follows from it, against scikit-learn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from trainers.config import TrainConfig
from trainers.diagnosis.confusion_matrix import Confusion, Quality, quality
from trainers.learner import evaluate, outputs
from trainers.model_and_data import untrained

Compose = Callable[..., TrainConfig]


def of(truth: list[int], taken: list[int], classes: int) -> Quality:
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (truth, taken), 1)
    return Quality(tuple(f"c{i}" for i in range(classes)), counts)


@st.composite
def answers(draw: st.DrawFn) -> tuple[list[int], list[int], int]:
    classes = draw(st.integers(1, 8))
    pairs = st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1))
    drawn = draw(st.lists(pairs, min_size=1, max_size=60))
    return [t for t, _ in drawn], [p for _, p in drawn], classes


@given(answers())
def test_figures_are_those_of_scikit_learn(drawn: tuple[list[int], list[int], int]) -> None:
    truth, taken, classes = drawn
    found = of(truth, taken, classes)
    labels = list(range(classes))
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, taken, labels=labels, zero_division=np.nan
    )
    np.testing.assert_allclose(found.precision, precision)
    np.testing.assert_allclose(found.recall, recall)
    np.testing.assert_allclose(found.f1, f1)
    np.testing.assert_array_equal(found.support, support)
    there = sorted(set(truth))
    macro = f1_score(truth, taken, labels=there, average="macro", zero_division=np.nan)
    assert found.macro_f1 == pytest.approx(macro)
    assert found.accuracy == pytest.approx(np.mean(np.equal(truth, taken)))


@given(answers())
def test_the_lists_are_in_order(drawn: tuple[list[int], list[int], int]) -> None:
    found = of(*drawn)
    there = {f"c{i}" for i in drawn[0]}
    worst = found.worst(3)
    assert len(worst) == min(3, len(there))
    assert {found.classes[i] for i in worst} <= there
    assert [found.f1[i] for i in worst] == sorted(found.f1[sorted(set(drawn[0]))])[:3]
    rarest, f1 = found.rarest(2)
    supports = [found.support[found.classes.index(name)] for name in rarest]
    assert supports == sorted(int(s) for s in found.support if s)[:2]
    assert f1 == pytest.approx(np.mean([found.f1[found.classes.index(n)] for n in rarest]))
    mistakes = found.confusions(100)
    assert sum(c.count for c in mistakes) == sum(t != p for t, p in zip(*drawn[:2], strict=True))
    assert [c.count for c in mistakes] == sorted((c.count for c in mistakes), reverse=True)


def test_a_class_without_examples_has_no_recall_and_counts_in_no_mean() -> None:
    found = of([0, 0, 1], [0, 2, 1], 4)  # 2 is answered once, 3 never; neither occurs
    assert np.isnan(found.recall).tolist() == [False, False, True, True]
    assert np.isnan(found.precision).tolist() == [False, False, False, True]
    assert found.f1[2] == 0
    assert np.isnan(found.f1[3])
    assert found.macro_f1 == pytest.approx((2 / 3 + 1) / 2)
    assert found.worst() == [0, 1]
    assert found.rarest(2) == (("c1", "c0"), pytest.approx((2 / 3 + 1) / 2))
    assert found.confusions() == [Confusion("c0", "c2", 1, 0.5)]


def test_a_part_is_counted_whole(small: Compose) -> None:
    config = small()
    learner, dataset = untrained(config)
    found = quality(config, learner.model, dataset.valid, dataset.classes)
    assert found.counts.dtype == np.int64
    every = list(outputs(config, learner.model, dataset.valid))
    truth = torch.cat([y for _, y in every])
    taken = torch.cat([logits.argmax(1) for logits, _ in every])
    np.testing.assert_array_equal(found.counts, confusion_matrix(truth, taken, labels=range(10)))
    measured = evaluate(config, learner.model, dataset.valid, learner.measure)
    _, accuracy = measured.metrics("val").values()
    assert found.accuracy == accuracy


def test_a_quarter_of_the_classes_are_the_rarest() -> None:
    labels = [label for label in range(40) for _ in range(label + 1)]
    rarest, f1 = of(labels, labels, 40).rarest()
    assert rarest == tuple(f"c{n}" for n in range(10))
    assert f1 == 1
