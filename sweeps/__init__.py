"""Search a space of configurations, stop trials early, keep a record: Caviar's search side.

The packages and modules, in the order of the layers: each imports only from those above it.

    trials.py          what a trial, its state and an objective are; ranking
    redaction.py       keep passwords and keys out of files and messages
    timeline.py        where the time of a command goes
    private_folder.py  temporary files that a process which is killed does not leave for ever
    space/             what varies: the grammar of values, dimensions, conditions
    formatting.py      numbers, durations and cells as text
    results_folder.py  what is where in results/<sweep>/; replacing a file whole
    tracking/          show trials in Weights & Biases, or nowhere
    stop/              when a trial stops, pauses or is replaced: ASHA, median, PBT, …
    repeats/           the same configuration with several seeds
    config/            from the command line to a composed configuration
    search/            how configurations are proposed: TPE, random, grid, ablation, …
    cli.py             begin and end every command
    study/             the record of a sweep, an Optuna study: in a file or in PostgreSQL
    recorded/          read a sweep's folder and record as they stand
    driver/            the decisions while a sweep runs: next trial, stop, repeats, budget
    checked/           a sweep that has passed every check
    backend/           run trials on Ray; a trial's own process
    transfer/          trials of previous sweeps for the search to learn from
    findings/          what came of a sweep, as statements with intervals
    report/            the results of a sweep in files: trials.csv, summary.json, …
    figures/           draw a sweep: static SVG with a sentence and a table
    simulation/        run a sweep in simulated time
    page/              report.html: one or several sweeps on one page; serving it
    console/           what a person sees in a terminal: the live display, the closing tables
    launch/            begin, resume, plans of several sweeps; a session from start to end
    bench/             measurements against named rivals
    commands/          one module for each make target
    __main__.py        `make sweep`
    plugin/            Hydra's sweeper plugin
"""

from pathlib import Path

#: The checkout: conf/, trainers/ and this package lie in it, and Ray ships it to other machines.
ROOT = Path(__file__).resolve().parent.parent


def __getattr__(name: str) -> object:
    """Explain to whoever wanted the other package `sweeps`, that of `wandb[sweeps]`, what to do."""
    message = (
        f"Caviar's package sweeps has no {name}; the scheduler of wandb[sweeps] needs another "
        "package of this name: install it in a virtual environment of its own, and run it outside "
        "of this folder"
    )
    # Whoever catches it looks for the nearest name in `obj`, as where a `_target_` is misspelt.
    raise AttributeError(message, name=name, obj=type("sweeps", (), dict(globals())))
