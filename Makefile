# Two commands do everything: `make demo` and `make test`. Both set up .venv/ by themselves.
PYTHON ?= python3
BIN := .venv/bin
SET_UP := .venv/.set-up
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test e2e check bench simulate mutants lock clean

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

# Again only when the locks or the project's own metadata change.
$(SET_UP): requirements/dev.txt requirements/current-sdk.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "datasync-trigger needs Python 3.11 or later and $(PYTHON) is not: make PYTHON=python3.13 ..." >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(PIP) --require-hashes -r requirements/dev.txt
	$(PIP) --no-build-isolation --no-deps --editable .
	$(PIP) --require-hashes --no-deps --target .venv/current-sdk -r requirements/current-sdk.txt
	@touch $@

demo: $(SET_UP)  ## the main job on an embedded AWS, shown as it happens; KEEP=1 leaves it running
	@$(BIN)/python -m emulator.demo $(if $(KEEP),--keep)

test: $(SET_UP)  ## the whole suite
	$(BIN)/python -m pytest --numprocesses 4 --dist worksteal

e2e:  ## the images and docker-compose.yml, end to end, where a Docker engine answers
	@$(PYTHON) tests/e2e/compose/run.py

check: $(SET_UP)  ## style, types, who imports whom, sizes
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q tests/test_sizes.py

bench: $(SET_UP)  ## what it costs, against a baseline in the same run
	@$(BIN)/python -m benchmarks

simulate: $(SET_UP)  ## SEEDS=10000: so many worlds of faults, each judged by an oracle
	@$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),1000)

mutants: $(SET_UP)  ## make known mistakes on purpose and see that the tests notice each
	@$(BIN)/python -m tests.mutants

lock: $(SET_UP)  ## resolve the newest dependencies into requirements/
	@for set in service emulator dev; do \
	  case $$set in service) extra= ;; emulator) extra='--extra emulator' ;; dev) extra='--extra emulator --group dev' ;; esac; \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --no-header --no-emit-index-url --no-emit-find-links $$extra pyproject.toml -o requirements/$$set.txt; \
	done
	@echo botocore | $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --no-emit-index-url --no-emit-find-links - -o requirements/current-sdk.txt

clean:  ## remove what set-up and runs have made
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
