# Two commands do everything on a fresh machine with git, make and Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all types clean

demo: .venv/run.done  ## train, program, age and report a network; writes runs/quickstart
	$(BIN)/aimcjax run configs/quickstart.yaml --overwrite

test: .venv/test.done  ## lint and the tests
	$(BIN)/ruff check .
	$(BIN)/pytest -n 2 -m "not slow"

test-all: .venv/test.done  ## also those that take minutes: the promises of the quickstart, every preset at every speed
	$(BIN)/ruff check .
	$(BIN)/pytest -n 2

types: .venv/test.done  ## static types; fetches its checker on first use
	$(BIN)/pyright --pythonpath $(BIN)/python

.venv/run.done: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/test.done: .venv/run.done
	$(BIN)/pip install --quiet --editable ".[test]"
	touch $@

clean:  ## the environment and what commands wrote
	rm -rf .venv runs trained maps reports
