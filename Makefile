# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_SECONDS ?=
export STEPWIRE_PYTHON := $(CURDIR)/$(BIN)/python

.PHONY: help demo test check test-python test-frontend test-browser test-all test-pythons test-parquet test-tensorboard test-notebooks test-frameworks test-frameworks-torch test-frameworks-boost test-frameworks-keras test-frameworks-ray soak bench serve types frontend system format sizes clean

help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

demo: $(VENV)/.server frontend ## four real training runs, live in the browser (DEMO_SECONDS=60 ends it by itself)
	@$(BIN)/stepwire demo $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS))

test: system check test-python test-frontend test-browser ## lint, types, unit, contract, integration, browser
	@echo "make test: all green"

check: $(VENV)/.dev frontend/node_modules/.installed ## linters and type checkers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/export_schema.py --check
	cd frontend && npm run --silent lint && npm run --silent typecheck

test-python: $(VENV)/.dev frontend ## unit, contract and integration tests, a file at a time on each of two cores
	$(BIN)/pytest -n 2 --dist loadfile

test-frontend: frontend/node_modules/.installed ## Vitest
	cd frontend && npm run --silent test

test-browser: system $(VENV)/.dev frontend ## Playwright in Debian's Chromium
	cd frontend && npm run --silent e2e

test-all: test test-parquet test-tensorboard test-frameworks test-notebooks test-pythons ## and the groups with a venv of their own

# Those that the machine has; the rest are named and passed over.
PYTHONS ?= 3.12 3.13 3.14
test-pythons: frontend ## SDK, formats and storage on newer versions of Python, those that are here: .venv-3.13, …
	@for version in $(PYTHONS); do \
		found=$$(sh scripts/find_python.sh $$version) || { echo "skipped: no Python $$version here"; continue; }; \
		venv=$(VENV)-$$version; \
		test -f $$venv/.done || ($$found -m venv $$venv && \
			$$venv/bin/pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' 'hatchling==1.33.0' && \
			$$venv/bin/pip install --quiet --editable '.[server]' --group dev && touch $$venv/.done) || exit 1; \
		$$venv/bin/python --version; \
		STEPWIRE_PYTHON=$(CURDIR)/$$venv/bin/python $$venv/bin/pytest -n 2 --dist loadfile \
			tests/client tests/formats tests/system tests/storage tests/contract || exit 1; \
	done

test-parquet: ## exports and archives as pandas and DuckDB read them
	@test -f $(VENV)-parquet/.done || ($(PYTHON) -m venv $(VENV)-parquet && \
		$(VENV)-parquet/bin/pip install --quiet --disable-pip-version-check --editable '.[server,arrow]' \
		pandas==3.1.1 duckdb==2.0.1 pytest==9.2.0 && touch $(VENV)-parquet/.done)
	$(VENV)-parquet/bin/pytest -q -c /dev/null --rootdir . --noconftest --import-mode=importlib tests/foreign/test_parquet.py

test-tensorboard: ## event files as tensorboardX, PyTorch and TensorBoard write them
	@test -f $(VENV)-tensorboard/.done || ($(PYTHON) -m venv $(VENV)-tensorboard && \
		$(VENV)-tensorboard/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --editable '.[server]' \
		tensorboardX==2.6.5 tensorboard==2.21.0 torch==2.13.0 pytest==9.2.0 && touch $(VENV)-tensorboard/.done)
	$(VENV)-tensorboard/bin/pytest -q -c /dev/null --rootdir . --noconftest --import-mode=importlib tests/foreign/test_tensorboard.py

test-notebooks: ## runs in a real Jupyter kernel
	@test -f $(VENV)-notebooks/.done || ($(PYTHON) -m venv $(VENV)-notebooks && \
		$(VENV)-notebooks/bin/pip install --quiet --disable-pip-version-check --editable '.[server]' \
		ipykernel==7.4.0 jupyter_client==8.10.0 pytest==9.2.0 && touch $(VENV)-notebooks/.done)
	$(VENV)-notebooks/bin/pytest -q -c /dev/null --rootdir . --noconftest --import-mode=importlib tests/notebooks

test-frameworks: test-frameworks-torch test-frameworks-boost test-frameworks-keras test-frameworks-ray ## callbacks with the real frameworks

# Each group has its pins and a venv: .venv-torch, …
FRAMEWORKS = -q -c /dev/null --rootdir . --confcutdir tests/frameworks --import-mode=importlib --timeout 300 -p no:cacheprovider

test-frameworks-torch: $(VENV)-torch/.done ## PyTorch, Lightning, Hugging Face, Stable-Baselines3
	$(VENV)-torch/bin/pytest $(FRAMEWORKS) $(patsubst %,tests/frameworks/test_%.py,torch torchrun dataloader device_scalars lightning transformers accelerate stable_baselines3)

test-frameworks-boost: $(VENV)-boost/.done ## XGBoost, LightGBM, scikit-learn, Optuna
	$(VENV)-boost/bin/pytest $(FRAMEWORKS) $(patsubst %,tests/frameworks/test_%.py,xgboost lightgbm sklearn optuna)

test-frameworks-keras: $(VENV)-keras/.done ## Keras, JAX, Flax
	$(VENV)-keras/bin/pytest $(FRAMEWORKS) $(patsubst %,tests/frameworks/test_%.py,keras jax device_scalars)

test-frameworks-ray: $(VENV)-ray/.done ## Ray Tune
	$(VENV)-ray/bin/pytest $(FRAMEWORKS) $(patsubst %,tests/frameworks/test_%.py,ray)

$(VENV)-%/.done: tests/frameworks/%.txt
	@test -d $(VENV)-$* || $(PYTHON) -m venv $(VENV)-$*
	@$(VENV)-$*/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --requirement $< \
		pytest==9.2.0 pytest-timeout==2.4.0 --editable '.[server]'
	@touch $@

soak: $(VENV)/.dev frontend ## hours of random steps, kills, forks and exits: STEPWIRE_MODEL_STEPS, _KILLS, _FORKS, _EXITS
	STEPWIRE_MODEL_STEPS=$${STEPWIRE_MODEL_STEPS:-10000} STEPWIRE_KILLS=$${STEPWIRE_KILLS:-100} \
		$(BIN)/pytest --timeout 0 tests/contract/test_series_machine.py tests/contract/test_pyramid.py tests/storage
	STEPWIRE_FORKS=$${STEPWIRE_FORKS:-1000} STEPWIRE_EXITS=$${STEPWIRE_EXITS:-28} \
		$(BIN)/pytest --timeout 0 tests/client/test_lifecycle.py tests/client/test_exit.py tests/client/test_processes.py
	STEPWIRE_KILLS=$${STEPWIRE_KILLS:-100} $(BIN)/pytest --timeout 0 tests/end_to_end/test_kept.py \
		tests/end_to_end/test_link.py tests/end_to_end/test_kill_server.py tests/end_to_end/test_kill_server_logs.py
	STEPWIRE_FAULTS=$${STEPWIRE_FAULTS:-100000} $(BIN)/pytest --timeout 0 tests/client/test_promises.py

bench: $(VENV)/.dev frontend ## measure side by side; prints a table, writes docs/bench/bench.json
	$(BIN)/python tests/bench/run.py $(BENCH)

serve: $(VENV)/.server frontend ## a server on this checkout
	$(BIN)/stepwire up

types: $(VENV)/.dev frontend/node_modules/.installed ## regenerate the front end's types from the server's
	$(BIN)/python scripts/export_schema.py
	cd frontend && npm run --silent types

frontend: $(VENV)/.server
	@$(BIN)/python scripts/build_frontend.py

system: ## Debian packages that the tests drive; installs them when it can
	@sh scripts/system_packages.sh

format: $(VENV)/.dev ## let the formatters write
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .
	cd frontend && npx biome check --write .

sizes: ## lines per file and function, for a look
	$(BIN)/python scripts/sizes.py

clean: ## forget venv, node_modules and builds
	rm -rf $(VENV) frontend/node_modules src/stepwire/server/web dist

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Stepwire needs Python 3.11 or newer: make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' 'hatchling==1.33.0'
	@touch $@

$(VENV)/.server: $(VENV)/.venv pyproject.toml
	@$(BIN)/pip install --quiet --editable '.[server]'
	@touch $@

$(VENV)/.dev: $(VENV)/.server
	@$(BIN)/pip install --quiet --group dev
	@touch $@

frontend/node_modules/.installed: frontend/package-lock.json
	@cd frontend && npm ci --silent --no-audit --no-fund
	@touch $@
