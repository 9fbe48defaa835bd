# Caviar: `make help` lists what there is. Every target sets itself up first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
SWEEP ?=
TRAIN ?=
BENCH ?= trainer
export PYTHONUNBUFFERED := 1
# Where it is set, each of a sweep's processes would compile its libraries anew, which takes 2 s.
unexport PYTHONDONTWRITEBYTECODE

# Variables reach Python as they are written: neither make nor a shell expands what is in them.
VARIABLES := ARGS SWEEP TRAIN TRIAL TEXT BENCH ADDRESS PORT MEMBER HEAD CPUS GPUS N SEED HOURS POLITE
$(foreach name,$(VARIABLES),$(eval export CAVIAR_$(name) := $$(value $(name))))
unexport $(VARIABLES)
RUN := @$(BIN)/python -m sweeps.commands.from_make

.DEFAULT_GOAL := help
.PHONY: help setup sweep train preview simulate resume extend repair replay diagnose predict report watch note dashboard sync bench head join leave doctor submit status logs stop torture test lint

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' Makefile

setup: $(VENV)/.ready  ## install everything into .venv (implied by every other target)

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 10) <= v < (3, 14) else \
	  f"Python 3.10 to 3.13 is needed, not {v[0]}.{v[1]}: name another with PYTHON=python3.12")'
	@echo "Setting up $(VENV), this once: 1 to 3 minutes and some 2 GB."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --no-compile --disable-pip-version-check --editable '.[dev]'
	@touch $@

sweep: setup  ## run a sweep: ARGS="experiment=mnist budget.trials=40 model.dropout=0.1,0.25"
	$(RUN) sweeps ARGS

preview: setup  ## show what `make sweep` would run, and run nothing: same ARGS
	$(RUN) sweeps preview=true ARGS

simulate: setup  ## run a sweep in simulated time: SWEEP=mnist for its curves, or none for made-up ones [ARGS="search=tpe stop=asha workers=8 trials=1000"]
	$(RUN) sweeps.commands.simulate SWEEP ARGS

resume: setup  ## go on with an interrupted sweep: SWEEP=quickstart
	$(RUN) sweeps.commands.resume SWEEP ARGS

extend: setup  ## give a sweep more trials or more epochs: SWEEP=quickstart ARGS="budget.trials=+20" or ARGS="epochs=+10"
	$(RUN) sweeps.commands.resume SWEEP ARGS

repair: setup  ## keep what can be read of a sweep's damaged record: SWEEP=mnist
	$(RUN) sweeps.commands.repair SWEEP ARGS

replay: setup  ## train the schedule that stop=pbt has found, from scratch: SWEEP=digits [ARGS="seed=1 trial=0012"]
	$(RUN) sweeps.commands.replay SWEEP ARGS

train: setup  ## train one model: ARGS="model.width=128 optimizer.lr=0.001"
	$(RUN) sweeps.commands.train ARGS

diagnose: setup  ## check a configuration before it trains: ARGS="optimizer.lr=0.01"; or look at a trained model: SWEEP=mnist, or TRAIN=0003
	$(RUN) sweeps.commands.diagnose SWEEP train/TRAIN ARGS

predict: setup  ## predict the test part with a sweep's best model, or one training's: SWEEP=hw1p2 [ARGS="top=5 labels=index"], or TRAIN=0003
	$(RUN) sweeps.commands.predict SWEEP train/TRAIN ARGS

report: setup  ## review a sweep, or several, on one HTML page, and in a sheet: SWEEP=quickstart, SWEEP="a b" [ARGS="out=page.html", or ARGS="to=wandb" for a W&B report too]
	$(RUN) sweeps.commands.review.report SWEEP ARGS

watch: setup  ## show the report in a browser of this machine, up to date while the sweep runs: SWEEP=quickstart [ARGS="port=8000"]
	$(RUN) cluster.watch SWEEP ARGS

note: setup  ## note something about a trial, also while the sweep runs: SWEEP=mnist TRIAL=7 TEXT="the loss jumps at epoch 3" [ARGS="by=alpha"]
	$(RUN) sweeps.commands.review.note SWEEP --trial=TRIAL --text=TEXT --member=MEMBER ARGS

dashboard: setup  ## open optuna-dashboard on a sweep's record, running or not: SWEEP=mnist [ARGS="port=8080"]
	$(RUN) sweeps.commands.review.dashboard SWEEP ARGS

sync: setup  ## send W&B what it lacks of a sweep, and tell what is there: SWEEP=mnist, or TRAIN=0003
	$(RUN) sweeps.commands.review.sync SWEEP train/TRAIN ARGS

bench: setup  ## measure against rivals, or a known truth: BENCH=trainer, start, tracking, search, tutorial, efficiency, findings, cluster [ARGS="data.root=data/hw1p2"]
	$(RUN) sweeps.bench.BENCH ARGS

head: setup  ## start a cluster here for others to join: [ADDRESS=10.0.0.5] [PORT=26379] [MEMBER=me]
	$(RUN) cluster.head --address=ADDRESS --port=PORT --member=MEMBER

join: setup  ## lend this machine to a cluster: HEAD=10.0.0.5:26379 MEMBER=alpha [CPUS=4] [GPUS=1] [HOURS=20-08] [POLITE=true]
	$(RUN) cluster.join --head=HEAD --member=MEMBER --cpus=CPUS --gpus=GPUS --hours=HOURS --polite=POLITE

leave: setup  ## take this machine back: its trials finish their epochs and go on elsewhere (twice: at once)
	$(RUN) cluster.leave

doctor: setup  ## try this machine from end to end, and say what to do: [HEAD=10.0.0.5:26379]
	$(RUN) cluster.doctor --head=HEAD

lint: setup  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

submit: setup  ## hand a sweep to the head, which runs it in its turn: ARGS="experiment=mnist name=a" [MEMBER=me], or SWEEP=a to go on
	$(RUN) cluster.submit SWEEP ARGS

logs: setup  ## print what a handed-in sweep prints, until it ends: SWEEP=a
	$(RUN) cluster.logs SWEEP

stop: setup  ## stop a handed-in sweep, so that it can go on: SWEEP=a
	$(RUN) cluster.stop SWEEP

status: setup  ## show the cluster: machines, members, sweeps with their shares, what was handed in
	$(RUN) cluster.status

torture: setup  ## play faults at random on a real cluster, and check that nothing is lost: [N=50] [SEED=1]
	$(RUN) tests.torture --n=N --seed=SEED

test: lint  ## lint and all tests: ARGS="tests/sweeps -k asha"
	$(RUN) pytest ARGS
