# Every target does the set-up it needs. `make demo` stays light; `make test` installs everything.
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test check run bench lock clean

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCKED := install --no-deps --require-hashes
VENDOR := api/web/vendor/.done

help: ## this list
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-7s %s\n", $$1, $$2}'

setup: .venv/.base $(VENDOR) ## virtual environment, locked packages, page assets

demo: setup ## the main job: camera to dispatched case, a served console and a heatmap
	@$(BIN)/beatgrid demo

run: setup ## serve the sample site: console, terminal page, maps, HTTP interface (ARGS="SITE --port 8080 ...")
	@$(BIN)/beatgrid serve $(ARGS)

test: .venv/.full $(VENDOR) ## all tests (COVERAGE=1 measures lines), or those of ARGS="tests/unit -k grid"; installs all extras
	@if [ -n '$(ARGS)' ]; then exec $(BIN)/python -m pytest $(ARGS); fi
	bash .ci/parts.sh $(BIN)/python

check: .venv/.full ## format, lint, types, layers
	@$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.full $(VENDOR) ## every benchmark, each with its figures
	@for each in benchmarks/*.py; do echo "== $$each"; $(BIN)/python $$each; done

lock: .venv/.base ## write requirements/*.txt from pyproject.toml
	@python3 -m venv build/lock && build/lock/bin/pip install --quiet uv
	$(BIN)/python requirements/lock.py build/lock/bin/uv

clean: ## remove what set-up made; the data folder stays
	@rm -rf .venv build node_modules api/web/vendor

.venv/.base: requirements/base.txt pyproject.toml .ci/prerequisites.sh .ci/probe.py
	@python=$$(bash .ci/prerequisites.sh python)
	test -x $(BIN)/python || "$$python" -m venv .venv
	echo "setup: installing locked packages into .venv" >&2
	$(PIP) $(LOCKED) --requirement requirements/base.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	$(BIN)/python .ci/probe.py
	touch $@

.venv/.full: .venv/.base requirements/full.txt requirements/cuda.txt requirements/torch-cpu.txt
	@echo "setup: installing every extra (torch and Ultralytics among them)" >&2
	$(PIP) $(LOCKED) --requirement requirements/torch-cpu.txt 2>/dev/null || true
	$(PIP) $(LOCKED) --requirement requirements/full.txt
	if $(BIN)/python -c "import importlib.metadata as m, sys; sys.exit(not any('nvidia' in r or 'cuda' in r for r in m.requires('torch')))"; then
		$(PIP) $(LOCKED) --requirement requirements/cuda.txt
	fi
	$(BIN)/python .ci/probe.py
	touch $@

$(VENDOR): package.json package-lock.json api/web/vendor.mjs .ci/prerequisites.sh
	@bash .ci/prerequisites.sh npm
	npm ci --ignore-scripts --no-audit --no-fund --silent
	node api/web/vendor.mjs
	touch $@
