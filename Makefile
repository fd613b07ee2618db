# Everything works from a fresh clone with Python 3.11+, git and make, as root or not.
# `make PYTHON=/path/to/python3.12 demo` takes another interpreter, `make VENV=folder …` another environment.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
# Tests wait more than they compute: three at a time keep two cores busy. make WORKERS=0 runs one after the other.
WORKERS ?= 3
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome || command -v google-chrome-stable)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-backends test-diffusers test-foreign test-languages check lint types imports wheel test-long test-lowest test-sdks test-nonroot screenshot stop clean

help: ## Say what there is to make
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

demo: $(VENV)/.demo ## Trace a generator whose models fail, and show it on http://127.0.0.1:3000/traceImage
	@$(BIN)/image-tracing demo $(DEMO_ARGS) || [ $$? -eq 130 ] # Ctrl-C is how it ends

test: $(VENV)/.test chromium ## Run the tests, browser included; their long form is test-long
	$(BIN)/pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

test-long: $(VENV)/.test chromium ## Run the long form of the soak, fuzz and fault tests
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -m long $(PYTEST_ARGS)

test-foreign: $(VENV)/.foreign ## Run other instrumentations and look at the rows of their spans (0.5 GB, installed once)
	IMAGE_TRACING_FOREIGN="$(abspath $(VENV))/foreign" $(BIN)/pytest -m foreign $(PYTEST_ARGS) \
		tests/image_tracing_postgres/foreign/test_packages.py

test-diffusers: $(VENV)/.diffusers ## Run the tests that need diffusers and torch (1.3 GB, installed once)
	$(BIN)/pytest -m diffusers $(PYTEST_ARGS) tests/image_tracing/instrumentors/test_diffusers.py

test-languages: $(VENV)/.languages ## Run generators in TypeScript and with Python's stock SDK, Node included (0.3 GB, installed once)
	IMAGE_TRACING_LANGUAGES="$(abspath $(VENV))/languages" $(BIN)/pytest -m languages $(PYTEST_ARGS) tests/languages

test-backends: $(VENV)/.backends chromium ## Send to a real Phoenix and a real MLflow (1 GB, installed once), and look at their screens
	IMAGE_TRACING_BACKENDS="$(abspath $(VENV))/backends" IMAGE_TRACING_SCREENSHOTS="$(CURDIR)/build/backends" \
		$(BIN)/pytest -m backends $(PYTEST_ARGS) tests/backends

check: lint types imports wheel ## Lint, types, direction of imports, the built wheel

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy
	MYPYPATH=benchmarks $(BIN)/mypy tests benchmarks docs

imports: $(VENV)/.test
	$(BIN)/lint-imports

wheel: $(VENV)/.test
	tests/packaging/wheel.sh "$(abspath $(BIN))/python"

test-lowest: ## Run the tests that need no browser with the oldest versions that pyproject.toml allows
	tests/packaging/lowest.sh "$(PYTHON)"

test-sdks: ## Run the instrumentors' tests with the oldest versions of the SDKs that pyproject.toml allows
	tests/packaging/sdks.sh "$(PYTHON)"

test-nonroot: ## As root: run the tests in a copy that belongs to nobody, as nobody
	tests/packaging/nonroot.sh "$(PYTHON)"

screenshot: $(VENV)/.test chromium ## Take the README's picture anew
	$(BIN)/python docs/screenshot.py

stop: ## Stop the embedded Postgres that the demo uses
	@$(BIN)/image-tracing stop

clean: ## Remove the virtual environment and what tools left behind
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "make: wanted Python 3.11 or newer, found none; install it, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "make: $(PYTHON) could not make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# A stamp is newer than what it was made from: a second make has nothing to install.
$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@echo "Installing image-tracing into $(VENV) (once)"
	@$(BIN)/pip install --quiet --editable '.[demo]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	@echo "Installing image-tracing and its test tools into $(VENV) (once)"
	@$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/pip install --quiet --editable '.[all]' --group test --group newest --group check
	@touch $@ $(VENV)/.demo

$(VENV)/.foreign: pyproject.toml $(VENV)/.test
	@echo "Installing other instrumentations into $(VENV)/foreign (once)"
	@tests/packaging/foreign.sh "$(abspath $(BIN))/python" "$(abspath $(VENV))/foreign"
	@touch $@

$(VENV)/.languages: pyproject.toml docs/typescript/package-lock.json $(VENV)/.test
	@echo "Installing Node and the stock SDKs into $(VENV)/languages (once)"
	@tests/packaging/languages.sh "$(abspath $(BIN))/python" "$(abspath $(VENV))/languages"
	@touch $@

$(VENV)/.backends: pyproject.toml $(VENV)/.test
	@echo "Installing Phoenix and MLflow into $(VENV)/backends (once)"
	@$(PYTHON) -m venv $(VENV)/backends
	@$(VENV)/backends/bin/pip install --quiet --upgrade 'pip>=25.1'
	@$(VENV)/backends/bin/pip install --quiet --group backends
	@touch $@

$(VENV)/.diffusers: pyproject.toml $(VENV)/.test
	@echo "Installing diffusers and torch into $(VENV) (once)"
	@$(BIN)/pip install --quiet --group diffusers
	@touch $@

.PHONY: chromium
chromium:
ifeq ($(CHROMIUM),)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium for the browser tests"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	else \
		echo "make: wanted Chromium for the browser tests, found none; install it: sudo apt-get install chromium" >&2; exit 1; \
	fi
endif
