# make demo    three nodes, an address and a web server: watch failovers   (sets itself up first; DEMO=--v1: two nodes)
# make test    everything: lint, types, unit, cases, conformance, simulation, lab, interop
# make fast    the fast ring only: lint, types, unit, cases
# make lint    ruff, mypy --strict, import-linter
# make newest  decisions beside the newest Pacemaker's on 5100 random CIBs (needs root; some hours of one core)
# make bench   figures, as ratios against the real Heartbeat in the same run
# make clean   remove what the other targets made

VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
JOBS ?= 2
LAB_JOBS ?= 3
NEWEST ?= /var/tmp/hacluster-newest
SEEDS ?= 0..1699

.DEFAULT_GOAL := help
.PHONY: help setup tools demo test fast lint unit conformance simulation lab interop bench newest coverage clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

setup: $(VENV)/.installed
$(VENV)/.installed: pyproject.toml .ci/setup
	@.ci/setup dev

tools:
	@.ci/setup tools

demo: setup
	@$(BIN)/hacluster demo $(DEMO)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: setup
	$(PYTEST) -n $(JOBS) -m "not slow" tests/unit tests/cases

fast: lint unit

conformance: setup
	$(PYTEST) -n $(JOBS) tests/conformance
	$(PYTEST) -n $(JOBS) -m slow tests/unit

simulation: setup
	$(PYTEST) -n $(JOBS) tests/simulation

# Tests marked "alone" keep every core busy; the others mostly wait for timers of the protocol.
lab: setup tools
	$(PYTEST) -m alone tests/lab
	$(PYTEST) -n $(LAB_JOBS) -m "not alone" tests/lab

interop: setup tools
	$(PYTEST) -n $(LAB_JOBS) tests/interop

coverage: setup
	$(BIN)/coverage run -m pytest -m "not slow" tests/unit tests/cases tests/conformance
	$(BIN)/coverage report

test: lint
	$(MAKE) --no-print-directory unit
	$(MAKE) --no-print-directory conformance
	$(MAKE) --no-print-directory simulation
	$(MAKE) --no-print-directory lab
	$(MAKE) --no-print-directory interop

bench: setup tools
	$(BIN)/python -m tests.bench

newest: setup
	@.ci/newest $(NEWEST)
	TMPDIR=/tmp HACLUSTER_NEWEST=$(NEWEST)/bin $(BIN)/python -m tests.conformance.pe.differential \
		--seeds $(SEEDS) --stages 3 --jobs $(JOBS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov build dist
