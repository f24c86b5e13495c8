# make demo : install, make sample alerts, convert, validate, write demo-out/report.html
# make test : install and run all tests
# make test-minimum : the same with the lowest versions of the dependencies, Python 3.11
# make lint : style, types and import order
# make test-model : install the training extras (PyTorch, GalSim) and test the reference model
# make study : simulate, train and evaluate the reference model (a night); make results : its tables
# make rubin-demo : a simulated visit through Rubin's middleware, rubin-demo-out/report.html
# make test-rubin : install the extra rubin and test hstamp.rubin; both need Python 3.12 or later
# make docs : the site with viewer and proposal, docs/_build/html/index.html; make linkcheck : its links to elsewhere
# make proposal : the proposal, its summary and slides, as HTML and PDF, in proposal-out/
# make walk : the first task of each role in a fresh clone and environment, with a clock
# make test-viewer : test the viewer in a browser; without Chromium these tests are skipped
# make viewer : put the viewer's page together from its parts
# make conformance : judge the Python decoder by the suite
PYTHON ?= python3
PYTHON311 ?= python3.11
VENV ?= .venv
MINIMUM ?= .venv-minimum
DEMO_OUT ?= demo-out
RUBIN ?= .venv-rubin
RUBIN_OUT ?= rubin-demo-out
BIN := $(VENV)/bin

.PHONY: help demo test test-minimum test-model test-rubin test-viewer viewer rubin-demo lint docs \
	linkcheck proposal walk conformance study results clean

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

MINIMUM_TESTS := tests/codec tests/convert tests/cli tests/export tests/draw tests/hosts tests/classify tests/schemas tests/docs
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

# Rubin's packages need Python 3.12 or later: the first one found; where there is none, a word.
RUBIN_PYTHON = $(shell for python in python3.12 $(HOME)/.pyenv/versions/3.12.*/bin/python \
	python3.13 $(HOME)/.pyenv/versions/3.13.*/bin/python $(PYTHON); do \
	"$$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && \
	{ echo "$$python"; break; }; done)

$(RUBIN)/.done: pyproject.toml
	@python='$(RUBIN_PYTHON)'; if [ -z "$$python" ]; then rm -rf $(RUBIN); else \
	"$$python" -m venv $(RUBIN) && \
	$(RUBIN)/bin/pip install --quiet --editable '.[rubin-test]' && touch $@; fi

test-rubin: $(RUBIN)/.done
	@if [ -e $< ]; then $(RUBIN)/bin/python -m pytest tests/rubin tests/convert/test_rubin.py tests/convert/test_mosaic.py; \
	else echo "test-rubin skipped: no Python 3.12 or later found"; fi

rubin-demo: $(RUBIN)/.done
	@if [ -e $< ]; then rm -rf $(RUBIN_OUT) && $(RUBIN)/bin/python -m hstamp.rubin.demo $(RUBIN_OUT) --bps; \
	else echo "rubin-demo skipped: no Python 3.12 or later found"; fi

$(VENV)/.docs: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable '.[docs]'
	@touch $@

# Warnings are errors: a link within the site that leads nowhere is one.
docs linkcheck: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -q -E -b $(if $(filter docs,$@),html,linkcheck) docs docs/_build/$(if $(filter docs,$@),html,links)

proposal: $(VENV)/.docs
	$(BIN)/python docs/proposal/build.py proposal-out

walk:
	$(PYTHON) -m tests.walk --write

$(VENV)/.viewer: pyproject.toml $(VENV)/.dev
	$(BIN)/pip install --quiet --editable '.[viewer-test]'
	@touch $@

test-viewer: $(VENV)/.viewer
	$(BIN)/python -m pytest tests/viewer

viewer:
	$(PYTHON) docs/viewer/build.py

conformance: $(VENV)/.dev
	$(BIN)/hstamp conformance run --profile container --callable hstamp.conformance.python_codec:decode

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) $(RUBIN) $(RUBIN_OUT) $(MINIMUM)-core $(MINIMUM)-all $(DEMO_OUT) docs/_build proposal-out build dist
