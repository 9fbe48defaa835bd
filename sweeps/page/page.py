"""Make the page of one or several sweeps, from top to bottom, as one file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from markupsafe import Markup

from sweeps.findings.waste import EPOCHS_SPAN
from sweeps.formatting import counted, counts, duration
from sweeps.page.elements import data, joined, paragraph, section
from sweeps.page.reviewed import Reviewed
from sweeps.page.sections.across import across
from sweeps.page.sections.best import best_trial
from sweeps.page.sections.figure import figures
from sweeps.page.sections.findings import findings
from sweeps.page.sections.histograms import histograms
from sweeps.page.sections.origin import origin
from sweeps.page.sections.sheet import sheet
from sweeps.page.trial_data import NOTHING, trial_data
from sweeps.trials import State, tally

_FOLDER = Path(__file__).parent

#: From so many trials on, a browser draws only what is on the screen.
_MANY = 300

#: Nothing is loaded from anywhere, and no script or style runs but those whose hashes are named.
_POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; img-src data:; "
    "connect-src {connect}; base-uri 'none'; form-action 'none'"
)

_NO_MORE = Markup("")
_HEAD = Markup("""\
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
{more}</head>
""")

_PAGE = Markup("""\
<!DOCTYPE html>
<html lang="en"{large}{watch}>
{head}<body>
<main tabindex="-1">
<header>
<h1>{title}</h1>
{lead}
<nav aria-label="Contents">{contents}</nav>
</header>
{sections}</main>
<aside id="strip" class="script" aria-label="Chosen trials"></aside>
{data}<script>{script}</script>
</body>
</html>
""")


def page(all_reviewed: Sequence[Reviewed], refresh_s: float = 0.0) -> str:
    """Make the page of sweeps; the same record makes the same page.

    Args:
        refresh_s: how often the page asks the server that it came from for a newer one; 0: it came
            from a file, and asks nobody.
    """
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    first = all_reviewed[0]
    parts = _sections(all_reviewed)
    known = first.attempt("what the script knows", lambda: trial_data(all_reviewed), NOTHING)
    trials = sum(len(one.sweep.trials) for one in all_reviewed)
    title = ", ".join(one.sweep.name for one in all_reviewed)
    policy = _POLICY.format(
        script=hashed(script),
        style=hashed(stylesheet()),
        connect="'self'" if refresh_s else "'none'",
    )
    return str(
        _PAGE.format(
            head=html_head(title, policy),
            watch=Markup(' data-refresh="{}"').format(f"{refresh_s:g}") if refresh_s else "",
            large=Markup(' class="large"') if trials > _MANY else "",
            title=title,
            lead=_head(all_reviewed),
            contents=joined(
                (
                    Markup('<a href="#{}">{}</a>').format(id, name)
                    for id, name, content in parts
                    if content
                ),
                between=" ",
            ),
            sections=joined(section(id, name, content) for id, name, content in parts),
            data=data("data", known),
            script=Markup(script),
        )
    )


def _sections(all_reviewed: Sequence[Reviewed]) -> list[tuple[str, str, Markup]]:
    """List the sections: id, heading, content; one without content is left out of the page.

    So is one that fails, for the sweep for which it does.
    """
    several = len(all_reviewed) > 1
    none = Markup("")

    def of_each(what: str, write: Callable[[Reviewed], Markup]) -> Markup:
        contents = [
            (
                one.sweep.name,
                one.attempt(f"the part “{what}” of the page", partial(write, one), none),
            )
            for one in all_reviewed
        ]
        if not several:
            return contents[0][1]
        return joined(
            joined([Markup('<h3 class="sweep">{}</h3>\n').format(name), content])
            for name, content in contents
            if content
        )

    def of_all(what: str, write: Callable[[Sequence[Reviewed]], Markup]) -> Markup:
        make = partial(write, all_reviewed)
        return all_reviewed[0].attempt(f"the part “{what}” of the page", make, none)

    made: list[tuple[str, str, Callable[[str], Markup]]] = [
        ("across", "The sweeps beside each other", lambda name: of_all(name, across)),
        ("findings", "Findings", lambda name: of_each(name, findings)),
        ("best", "The best trial, and how to use it", lambda name: of_each(name, best_trial)),
        ("sheet", "The sheet", lambda name: of_all(name, sheet)),
        ("figures", "Figures", lambda name: of_each(name, _figures)),
        ("histograms", "Weights and gradients", lambda name: of_each(name, histograms)),
        ("origin", "How this was made", lambda name: of_each(name, origin)),
    ]
    return [(id, name, write(name)) for id, name, write in made[0 if several else 1 :]]


def _head(all_reviewed: Sequence[Reviewed]) -> Markup:
    """Say how each sweep stands, and what of the page could not be made."""
    several = len(all_reviewed) > 1
    leads = [
        one.attempt("the head of the page", partial(_lead, one, several), Markup(""))
        for one in all_reviewed
    ]
    lines = [paragraph(line, kind="problem") for one in all_reviewed for line in one.problems]
    return joined([*leads, *lines])


def _figures(reviewed: Reviewed) -> Markup:
    if not reviewed.figures and any(trial.epochs for trial in reviewed.sweep.trials):
        return Markup("")  # there should be some
    return figures([(f"{reviewed.prefix}figure-{one.id}", one) for one in reviewed.figures])


def _lead(reviewed: Reviewed, named: bool) -> Markup:
    """Say in a line or two how a sweep stands."""
    sweep = reviewed.sweep
    count = tally(sweep.trials)
    running = count.states.get(State.RUNNING, 0)
    text = f"{sweep.name}: " if named else ""
    text += f"{counted(count.trials, 'trial')} for {sweep.objective.goal}, "
    text += counts(count.states, count.infeasible, count.replaced)
    text += f" · {running} unfinished" if running else ""
    if sweep.wall_s:
        text += f" · wall time {duration(sweep.wall_s)}"
        # A driver that was killed has left its last seconds in no wall time.
        if 0 < (span := sweep.epochs_span) <= sweep.wall_s:
            text += f", of that {duration(span)} {EPOCHS_SPAN}"
    moments = [moment.at for trial in sweep.trials for moment in trial.moments.values()]
    if moments:
        at = datetime.fromtimestamp(max(moments), timezone.utc)
        text += f" · last epoch {at:%Y-%m-%d %H:%M} UTC"
    if not running:
        return paragraph(text, kind="lead")
    name = f"{sweep.name}: " if named else ""
    so_far = (
        f"{name}The sweep is still running, or was interrupted: all of this is as it stood at the "
        "last epoch."
    )
    return joined([paragraph(text, kind="lead"), paragraph(so_far, kind="lead")])


def html_head(title: str, policy: str, more: Markup = _NO_MORE) -> Markup:
    """Write the head of a page, with the look that all pages of ours have.

    Args:
        policy: says what a browser may load and run; the stylesheet must be allowed.
        more: elements for this page alone.
    """
    return _HEAD.format(title=title, policy=policy, style=Markup(stylesheet()), more=more)


def stylesheet() -> str:
    """Return how all pages of ours look, as CSS."""
    return (_FOLDER / "style.css").read_text(encoding="utf-8")


def hashed(text: str) -> str:
    """Return what a policy names a style or a script by, that alone may be used."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
