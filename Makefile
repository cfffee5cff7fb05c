# The two commands of the README: `make demo`, `make test`. Any Python from 3.11 on; nothing outside this folder changes.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
BIN := .venv/bin

.PHONY: demo test lint types wheel clean

demo: .venv/installed
	$(BIN)/optc solve examples/interdiction/model.opt -d examples/interdiction/case30_ieee.json --set attacks=3

test: .venv/installed-dev
	$(BIN)/python -m pytest -n auto

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed-dev
	$(BIN)/python -m mypy

wheel: .venv/installed-dev
	$(BIN)/python tests/packaging/wheel_content.py

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "optc needs Python 3.11 or newer; none was found on the PATH (set PYTHON=/path/to/python3)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/installed-dev: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[all,dev]"
	@touch $@ .venv/installed
