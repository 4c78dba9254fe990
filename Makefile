# `make demo` and `make test` are all that most people need. Both create .venv/ first.
PYTHON ?= python3
BIN := .venv/bin
SET_UP := .venv/.set-up

.DEFAULT_GOAL := help
.PHONY: help demo demo-recording test e2e check bench simulate mutants lock clean

help:  ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

# The shell finds out whether there is a Python that can run the set-up; tools/set_up.py explains all later failures.
define find_python
@command -v $(firstword $(PYTHON)) >/dev/null || { \
  echo "$(PYTHON) was not found. Install Python 3.11 or later, or name it: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; \
  exit 1; }
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
  echo "$(PYTHON) is `$(PYTHON) --version 2>&1`, and Python 3.11 or later is needed." >&2; \
  echo "Install a newer one and name it: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; \
  exit 1; }
endef

# The stamp holds the folder it was made in. A .venv/ works only there, and only as long as its Python is installed.
ifneq ($(and $(wildcard $(BIN)/python),$(shell cat $(SET_UP) 2>/dev/null)),$(CURDIR))
.PHONY: $(SET_UP)
endif

$(SET_UP): requirements/uv.txt requirements/dev.txt requirements/current-sdk.txt pyproject.toml
	$(find_python)
	@$(PYTHON) -m tools.set_up

demo: $(SET_UP)  ## show the service at work on an AWS that runs on this machine; KEEP=1 keeps it running
	@$(BIN)/python -m emulator.demo $(if $(KEEP),--keep)

demo-recording: $(SET_UP)  ## run the demo and draw its output as docs/images/demo.svg
	@$(BIN)/python -m emulator.demo --recording docs/images/demo.svg

test: $(SET_UP)  ## run all tests
	$(BIN)/python -m pytest --numprocesses 4 --dist worksteal

e2e:  ## build the images and test them with docker-compose.yml, if a Docker engine is running
	$(find_python)
	@$(PYTHON) tests/e2e/compose/run.py

check: $(SET_UP)  ## check style, types, imports between packages, and sizes of files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q tests/test_sizes.py

bench: $(SET_UP)  ## measure calls, time and memory against a baseline that is measured in the same run
	@$(BIN)/python -m benchmarks

simulate: $(SET_UP)  ## run SEEDS=1000 random sequences of faults, and check the result of each
	@$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),1000)

mutants: $(SET_UP)  ## break the code in known ways, and check that a test fails each time
	@$(BIN)/python -m tests.mutants

lock: $(SET_UP)  ## write the newest versions of all dependencies to requirements/
	@$(BIN)/python -m tools.lock

clean:  ## delete .venv/ and what tests and checks have left
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
