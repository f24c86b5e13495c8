# make demo : install, make sample alerts, convert, validate, write demo-out/report.html
# make test : install and run all tests
# make test-minimum : the same with the lowest versions of the dependencies, Python 3.11
# make lint : style, types and import order
# make test-model : install the training extras (PyTorch, GalSim) and test the reference model
# make study : simulate, train and evaluate the reference model (a night); make results : its tables
# make conformance : judge the Python decoder by the suite
PYTHON ?= python3
PYTHON311 ?= python3.11
VENV ?= .venv
MINIMUM ?= .venv-minimum
DEMO_OUT ?= demo-out
BIN := $(VENV)/bin

.PHONY: help demo test test-minimum test-model lint conformance study results clean

help:
	@sed -n 's/^# //p' Makefile

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@

demo: $(VENV)/.demo
	$(BIN)/hstamp demo $(DEMO_OUT)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto

# Without the extras, then with all of them: the versions that pyproject.toml calls enough.
# Warnings that old versions draw from newer ones of their own dependencies are not ours.
$(MINIMUM)-%/.done: pyproject.toml tests/minimum.py
	$(PYTHON311) -m venv $(MINIMUM)-$*
	$(MINIMUM)-$*/bin/python tests/minimum.py $* > $(MINIMUM)-$*/requirements.txt
	$(MINIMUM)-$*/bin/pip install --quiet --requirement $(MINIMUM)-$*/requirements.txt
	$(MINIMUM)-$*/bin/pip install --quiet --no-deps --editable .
	@touch $@

MINIMUM_TESTS := tests/codec tests/convert tests/cli tests/export tests/draw tests/hosts tests/schemas tests/docs
test-minimum: $(MINIMUM)-core/.done $(MINIMUM)-all/.done
	$(MINIMUM)-core/bin/python -m pytest $(MINIMUM_TESTS) -n auto -W ignore::DeprecationWarning
	$(MINIMUM)-all/bin/python -m pytest $(MINIMUM_TESTS) tests/fast -n auto -W ignore::DeprecationWarning

$(VENV)/.train: pyproject.toml $(VENV)/.dev
	$(BIN)/pip install --quiet --editable '.[train]'
	@touch $@

test-model: $(VENV)/.train
	$(BIN)/python -m pytest tests/reference_model -n auto
	$(BIN)/mypy -p reference_model

study results: $(VENV)/.train
	$(MAKE) -C reference_model $@ PYTHON=$(abspath $(BIN)/python)

conformance: $(VENV)/.dev
	$(BIN)/hstamp conformance run --profile container --callable hstamp.conformance.python_codec:decode

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) $(MINIMUM)-core $(MINIMUM)-all $(DEMO_OUT) build dist
