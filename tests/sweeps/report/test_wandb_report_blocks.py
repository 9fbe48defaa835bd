"""Whatever a sweep is called and however it stands, its report is laid out."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from typing import Any

import pytest

from sweeps.findings.finding import Certainty, Finding, Findings, Topic
from sweeps.recorded.recorded_sweep import RecordedSweep, read
from sweeps.recorded.remarks import Remark
from sweeps.report.wandb_report_blocks import ReportedSweep, blocks, title
from sweeps.results_folder import Folder
from sweeps.trials import Objective
from tests.sweeps.report.reports import FOUND, ODD, panels, runsets, texts
from tests.sweeps.transfer.test_previous_sweeps import LR, run


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> RecordedSweep:
    """A sweep of six trials that was made up."""
    where = tmp_path_factory.mktemp("results")
    run(where, "a", LR, "optimizer=adamw,sgd", "model.width=tag(log,int(interval(8,64)))").close()
    return read(Folder(where / "a"))


def laid_out(*reported: ReportedSweep) -> dict[str, Any]:
    """The report that W&B would be sent, without a server: its runs are in no project yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import wandb_workspaces.reports.v2 as wr
    made = wr.Report(
        project="p", entity="e", title=title(reported), blocks=blocks([*reported])
    )._to_model()
    spec: dict[str, Any] = json.loads(made.spec.model_dump_json(by_alias=True, exclude_none=True))
    return spec


def reported(sweep: RecordedSweep, findings: Findings = FOUND) -> ReportedSweep:
    return ReportedSweep(sweep, findings, "", "", "https://wandb/e/p/runs/", mixed=False)


@pytest.mark.parametrize(
    "name", ["it's", 'so "called"', "a AND b", "[x]", "<b>", "🙂 é", "$(rm)", "\\n", "x" * 100]
)
def test_a_group_of_any_name_is_filtered_by_it(swept: RecordedSweep, name: str) -> None:
    spec = laid_out(reported(replace(swept, config={**swept.config, "name": name})))
    for (runset,) in runsets(spec)[:-1]:
        (group, kind) = runset["filters"]["filters"]
        assert (group["value"], kind["value"]) == (name, "trial")


def test_remarks_and_findings_stay_text(swept: RecordedSweep) -> None:
    remarked = replace(swept, remarks=(Remark("0001", f"{ODD}\n" * 3, ODD, 0.0),))
    shown = list(texts(laid_out(reported(remarked))))
    assert f"0001: {ODD} {ODD} {ODD} ({ODD}, 1970-01-01)" in shown
    assert f"0001 won {ODD}" in shown


def test_no_secret_is_sent(swept: RecordedSweep) -> None:
    told = "see postgresql://ann:hunter2@host"
    statement = Finding("next", Topic.NEXT, Certainty.ADVICE, told, command=f"make sweep # {told}")
    remarked = replace(swept, remarks=(Remark("0001", told, "Ann", 0.0),))
    shown = " ".join(texts(laid_out(reported(remarked, Findings((statement,))))))
    assert shown.count("postgresql://ann:***@host") == 3
    assert "hunter2" not in shown


def test_the_main_parameters_come_first(swept: RecordedSweep) -> None:
    spec = laid_out(reported(swept))
    axes = [panel["xAxis"] for panel in panels(spec, "Scatter Plot")]
    assert axes == [
        "config:choices.value.optimizer",
        "config:optimizer.value.lr",
        "config:model.value.width",
    ]


def test_a_sweep_without_trials_or_parameters_has_a_report(swept: RecordedSweep) -> None:
    empty = replace(swept, trials=(), dimensions={}, remarks=())
    shown = list(texts(laid_out(reported(empty, Findings(())))))
    assert "Nothing yet." in shown
    assert "No trial has a score yet." in shown


def test_sweeps_with_other_objectives_have_panels_of_their_own(swept: RecordedSweep) -> None:
    loss = replace(swept, objectives=(Objective("val_loss", False),))
    spec = laid_out(reported(swept), reported(loss))
    targets = [panel["targetKey"] for panel in panels(spec, "Parameter Importance")]
    assert targets == ["best_val_accuracy", "best_val_loss"]
    orders = {runset["sort"]["keys"][0]["ascending"] for runset in runsets(spec)[4]}
    assert orders == {True}
    assert len(title([reported(swept)] * 40)) == 128
