"""Print the end of a sweep: its best trials, importances, failures, files and next commands.

`sweeps.formatting` formats counts, scores, values and times, here as in the live view.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from sweeps.console.findings_lines import findings_lines, next_commands
from sweeps.console.text_tables import (
    ablation_table,
    best_table,
    front_table,
    reruns_table,
    section,
    seeds_table,
)
from sweeps.formatting import (
    CELL,
    FAILED,
    GAP,
    bar,
    cell,
    clip,
    command,
    counts,
    duration,
    encodable,
    one_line,
    score,
    short_names,
)
from sweeps.report.closing import Ending
from sweeps.trials import State, TrialRecord, ranking, tally

BEST = 5  # trials in the table
IMPORTANCES = 8  # parameters with a bar
#: evaluator -> its name, and what it tells.
EVALUATORS = {
    "ped_anova": ("PED-ANOVA", "what sets the best trials apart"),
    "fanova": ("fANOVA", "what moves the score"),
    "forest": ("forest", "what predicts it, as in W&B's panel"),
}
REASONS = 3  # kinds of failure that are listed
REASON = 300  # characters of a reason that are printed


def show(console: Console, ending: Ending) -> None:
    """Print the end of a sweep; only lines that are there to be copied may exceed the width."""
    ranked = ranking(list(ending.trials), ending.objective)
    parts = [
        _headline(ending),
        best_table(ranked[:BEST], ending, console.width),
        front_table(ending, console.width),
        _best(ending),
        reruns_table(ending),
        ablation_table(ending, console.width)
        if ending.sheet
        else seeds_table(ending, console.width),
        findings_lines(ending.findings, console.width),
        _importances(ending, console.width),
        _failures(ending.trials, console.width),
        _paths(ending.paths),
        _next({**next_commands(ending.findings), **ending.next_commands}, console.width),
    ]
    for line in (line for part in parts for line in part):
        if not console.encoding.lower().startswith("utf"):
            line.plain = encodable(line.plain, console.encoding)
        console.print(line, soft_wrap=line.overflow == "ignore")


def _copy(text: str) -> Text:
    """Return a line to be copied: never cut or broken, whatever the width."""
    return Text(text, "cyan", overflow="ignore")


def _headline(ending: Ending) -> Iterator[Text]:
    trials, count = ending.trials, tally(ending.trials)
    unfinished = count.states.get(State.RUNNING, 0)
    summary = f"{count.trials} trial{'' if count.trials == 1 else 's'} in {duration(ending.wall_s)}"
    if count.repeats:
        summary += f", {count.repeats} of them repeats"
    told = f"{unfinished} unfinished · " if unfinished else ""
    told += counts(count.states, count.infeasible, count.replaced)
    yield Text.assemble((ending.sweep, "bold"), f"{GAP}{summary}: {told}")
    if ending.stopped_because:
        yield Text(f"Ended before its budget was used up: {one_line(ending.stopped_because)}")
    if ending.slot_time:
        parts = [f"{duration(seconds)} {what}" for what, seconds in ending.slot_time]
        yield Text(f"Time of a slot, on average: {', '.join(parts)}", "dim")
    if trials and all(trial.state in FAILED for trial in trials):
        yield Text("Every trial failed.", "yellow")
    elif not any(trial.state.scored for trial in trials):
        yield Text("No trial was finished.", "yellow")


def _best(ending: Ending) -> Iterator[Text]:
    if ending.overrides:
        yield from section("Train the best configuration")
        yield _copy(command("train", results=ending.results, words=ending.overrides))
    if ending.test:
        yield from section("On the test part", "with the best trial's checkpoint")
        scores = (f"{one_line(metric)} {score(value)}" for metric, value in ending.test.items())
        yield Text(GAP.join(scores))
    if ending.diagnosis:
        yield from section("On the validation part", "the best trial's; pictures are in diagnosis/")
        yield Text(ending.diagnosis)


def _importances(ending: Ending, width: int) -> Iterator[Text]:
    if not ending.findings.importances:
        return
    shown = ending.findings.importances[:IMPORTANCES]
    evaluators = list(dict.fromkeys(name for importance in shown for name in importance.values))
    heads = [EVALUATORS.get(name, (name, ""))[0] for name in evaluators]
    meant = [f"{h}: {EVALUATORS[n][1]}" for n, h in zip(evaluators, heads, strict=True) if h != n]
    yield from section("What mattered", "; ".join(["shares that add up to 1", *meant]))
    names = short_names(importance.parameter for importance in shown)
    longest = min(max(map(cell_len, names.values())), 2 * CELL)
    sizes = [max(cell_len(head), 4) for head in heads]
    length = min(max(width - longest - len(GAP) - sum(sizes) - len(GAP) * len(sizes), 4), 30)
    above = " " * (longest + len(GAP) + length)
    yield Text(
        GAP.join([above, *(cell(h, n, True) for h, n in zip(heads, sizes, strict=True))]), "dim"
    )
    for importance in shown:
        shares = [importance.values.get(evaluator) for evaluator in evaluators]
        figures = ["-" if share is None else f"{share:.2f}" for share in shares]
        cells = [cell(figure, size, True) for figure, size in zip(figures, sizes, strict=True)]
        name = cell(names[importance.parameter], longest)
        yield Text.assemble(name, GAP, bar(shares[0] or 0.0, length), GAP, GAP.join(cells))
    if len(ending.findings.importances) > len(shown):
        yield Text(f"… and {len(ending.findings.importances) - len(shown)} more", "dim")
    if ending.findings.importances_note:
        yield Text(one_line(ending.findings.importances_note), "yellow")


def _failures(trials: Sequence[TrialRecord], width: int) -> Iterator[Text]:
    """List why trials failed, and why proposals were not trained, which is no failure."""
    failed = [trial for trial in trials if trial.state in FAILED]
    if failed:
        yield from section("Failures", "the most common first")
        yield from _reasons(failed, width)
    refused = [trial for trial in trials if trial.state is State.INFEASIBLE]
    if refused:
        yield from section("Infeasible", "proposals that were not trained, at no cost")
        yield from _reasons(refused, width)


def _reasons(trials: Sequence[TrialRecord], width: int) -> Iterator[Text]:
    """List the most common reasons; those that differ only in numbers are one kind."""
    kinds: dict[str, list[TrialRecord]] = {}
    for trial in trials:
        kind = re.sub(r"\d[\d,]*(\.\d+)?", "#", f"{trial.state.value} {one_line(trial.reason)}")
        kinds.setdefault(kind, []).append(trial)
    common = sorted(kinds.values(), key=len, reverse=True)
    for alike in common[:REASONS]:
        reason = clip(one_line(alike[0].reason), REASON) or "no reason was recorded"
        state = "" if alike[0].state is State.INFEASIBLE else f"{alike[0].state.value}, "
        line = f"{len(alike):>4}{GAP}{state}such as {alike[0].id}: {reason}"
        yield from map(Text, textwrap.wrap(line, width, subsequent_indent=" " * 6))
    if rest := sum(map(len, common[REASONS:])):
        yield Text(f"{rest:>4}{GAP}for other reasons", "dim")


def _paths(paths: Mapping[str, str]) -> Iterator[Text]:
    if not paths:
        return
    yield from section("Where things are")
    longest = max(map(cell_len, paths))
    for what, path in paths.items():
        relative = path if "://" in path else os.path.relpath(path)
        shorter = relative if len(relative) < len(path) else path
        yield Text(f"{cell(what, longest)}{GAP}{shorter}", overflow="ignore")


def _next(commands: Mapping[str, str], width: int) -> Iterator[Text]:
    if not commands:
        return
    yield from section("Next")
    longest = max(map(cell_len, commands))
    beside = longest + len(GAP) + max(map(cell_len, commands.values())) <= width
    for line, what in commands.items():
        if beside:
            yield Text.assemble((cell(line, longest), "cyan"), GAP, (what, "dim"))
        else:
            yield _copy(line)
            for part in textwrap.wrap(what, width - len(GAP)):
                yield Text(f"{GAP}{part}", "dim")
