# Every target works from a fresh clone: .venv is built from requirements.lock when it is missing or stale.
# Paths are relative, so that a clone in a folder with a space in its name works.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# -I is not used: the packages of this repository are installed in editable form.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && { echo "$$p"; break; }; done)

.PHONY: help setup demo up superset test proof bench lint format lock clean

help:
	@echo "make demo   one night of the whole synthetic region, through a real Airflow scheduler"
	@echo "make up     the same, left running, with the addresses printed"
	@echo "make superset  dashboards over the warehouse: sets up a Superset, imports them, serves it on loopback"
	@echo "make test   the tests on a small region"
	@echo "make proof  everything that make test is too short for"
	@echo "make bench  speed and size, as ratios measured side by side"
	@echo "make lint   ruff, mypy, sqlfluff"

setup: $(VENV)/.installed

# pip installs uv with the hash that the lock has for it; uv installs the rest of the lock.
$(VENV)/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed (set PYTHON=...)" >&2; exit 2; }
	@echo "Installing the locked environment into $(VENV) (a few minutes the first time)"
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	@awk '/^[A-Za-z0-9]/ {keep = /^uv==/} keep && !/^ +#/' requirements.lock > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	@$(BIN)/tukiverkko demo

up: setup
	@$(BIN)/tukiverkko demo --keep-running

# After `make demo`, or beside `make up`. The first time it installs Superset's own environment.
superset: setup
	@$(BIN)/python -m bi.superset setup
	@$(BIN)/python -m bi.superset serve

# Three processes, a file to one of them: each has a database server of its own, and most tests wait for something.
test: setup
	@$(BIN)/python -m pytest tests -n 3 --dist loadfile --no-loadscope-reorder

proof: setup
	@$(BIN)/python -m pytest tests -m "proof or not proof"

bench: setup
	@$(BIN)/python -m tests.bench

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint dbt_project --quiet
	@$(BIN)/python -m bi.columns

format: setup
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# The locks hold hashes only: no index, no file address.
lock: setup
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --quiet -o requirements.lock
	@cd bi/superset && ../../$(BIN)/uv pip compile requirements.in --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --quiet -o requirements.lock

clean:
	rm -rf $(VENV) .tukiverkko
