# make quickstart and make test do all set-up on a fresh machine; nothing outside this folder is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest

.PHONY: install quickstart test test-full lint clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	  || { echo "docexp needs Python 3.11 to 3.13; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) install --quiet --constraint constraints.txt --editable '.[test,lint]'
	@touch $@

# From nothing to a printed comparison: three arms, three seeds, under three minutes on two cores once installed.
quickstart: $(VENV)/.installed
	@$(BIN)/docexp study run experiments/quickstart hydra.launcher.parallel=2
	@$(BIN)/docexp study report experiments/quickstart
	@echo "next:   docexp data prepare data=funsd source=DIR out=shards/funsd"

# Where Slurm cannot be started, its tests skip and say so; as root, SYSTEM_PACKAGES=1 lets them install it (Debian).
test: $(VENV)/.installed-test
	$(PYTEST) -m "not slow and not gpu" -n 2 --dist loadgroup

test-full: $(VENV)/.installed-test
	$(PYTEST) -m "not slow and not gpu" -n 2 --dist loadgroup
	$(PYTEST) -m "slow and not gpu"

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

clean:
	rm -rf $(VENV) build dist
