# Each command does all the set-up it needs: a machine with Python 3.11 or newer, pip and make is enough.
# uv comes by `pip install --target`, which works where venv and `pip install --user` do not (a bare Debian).
PYTHON ?= python3
BIN := .venv/bin
UV := PYTHONPATH=.tools $(PYTHON) -m uv

.PHONY: setup demo test lint audit lock bench bench-words chaos matrix failover field catalogue pictures

setup: .venv/runtime

demo: .venv/runtime
	@$(BIN)/python -m bridge demo || [ $$? -eq 130 ]  # Ctrl-C is how it ends

test: .venv/ready
	$(BIN)/python -m pytest -n 3 --dist worksteal --ignore=tests/browser --cov --cov-report=term --cov-fail-under=94
	# By themselves: browsers beside them would make the tests of what takes how long late.
	$(BIN)/python -m pytest -n 2 --dist worksteal -rs tests/browser

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/mypy

# Says aloud where no advisories can be read, as on a machine that reaches only a mirror of the registry.
audit: .venv/ready
	@$(BIN)/python -m tests.support.audit

# Needs chromium; fonts-inter and fonts-noto-color-emoji make them look as on a desktop.
pictures: .venv/ready
	$(BIN)/python -m tests.browser.pictures docs

catalogue: .venv/ready
	@$(BIN)/python -m tests.support.catalogue

# Real processes, killed and frozen, beside stand-ins that misbehave. Linux only. Three seeds: N=10000 SEED=1, 2, 3
N ?= 10000
SEED ?= 1
FAULTS ?= 0.2

chaos: .venv/ready
	$(BIN)/python -m tests.chaos storm --posts $(N) --seed $(SEED) --faults $(FAULTS)

matrix: .venv/ready
	$(BIN)/python -m tests.chaos matrix

failover: .venv/ready
	$(BIN)/python -m tests.chaos failover

# What takes long, or needs more than the suite does, one scenario or all: SCENARIO=outage
field: .venv/ready
	$(BIN)/python -m tests.field $(SCENARIO)

bench: .venv/ready
	$(BIN)/python -m tests.bench.crossing

bench-words: .venv/ready
	@$(BIN)/python -m tests.bench.words

lock: .tools/uv
	$(UV) pip compile -q --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
	  --extra embedded pyproject.toml -o requirements.txt
	$(UV) pip compile -q --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
	  --extra embedded --group dev -c requirements.txt pyproject.toml -o requirements-dev.txt

.tools/uv:
	$(PYTHON) -m pip install -q --disable-pip-version-check --target .tools uv
	@touch .tools/uv

# The demo's own needs are few; the rest comes with the first lint or test.
.venv/runtime: .tools/uv requirements.txt
	$(UV) venv -q --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv
	$(UV) pip sync -q --python $(BIN)/python --require-hashes requirements.txt
	$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	@touch .venv/runtime

.venv/ready: .venv/runtime requirements-dev.txt
	$(UV) pip sync -q --python $(BIN)/python --require-hashes requirements-dev.txt
	$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	@touch .venv/ready
