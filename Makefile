# Requires Python 3.11 to 3.13 and make. Everything else is installed in .venv. On Windows, see README.md.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test test-full lint format bench messages lock clean

run: $(VENV)/app  ## open the app
	$(BIN)/streamlit run app.py

test: $(VENV)/dev lint  ## check everything, in a few minutes
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

test-full: $(VENV)/dev  ## the tests that need full MNIST (in KERAS_HOME) and minutes of training
	$(BIN)/pytest -m full -s

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev  ## measure, and print ratios
	$(BIN)/python -m benchmarks

messages: $(VENV)/dev  ## collect the texts to translate
	mkdir -p core/locales
	$(BIN)/pybabel -q extract --no-location --omit-header --sort-output -k _ -k N_ -k ngettext:1,2 \
		-o core/locales/mnist_lab.pot app.py pages core

lock: $(VENV)/dev  ## pin the versions of the packages in requirements*.in
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header -o requirements.txt requirements.in
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header -o requirements-dev.txt requirements-dev.in

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

# The marker files app and dev are newer than the requirements once these are installed.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo "$$($(PYTHON) --version) will not do: Python 3.11, 3.12 or 3.13 is needed. Name it: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/app: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.txt
	touch $@

$(VENV)/dev: requirements-dev.txt tests/support/old_keras.py | $(VENV)/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-dev.txt
	$(BIN)/python -m tests.support.old_keras
	touch $@ $(VENV)/app
