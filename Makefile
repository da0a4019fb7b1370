# `make run` and `make test` work in a fresh clone: they need Python >= 3.10 (venv, pip), make and stable Rust.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet --no-input

# Versions of Python packages are pinned here as Cargo.lock pins Rust's. The build backend starts
# `maturin` by name: the environment's own has to come first on PATH, whatever else is installed.
INSTALL := PATH="$(CURDIR)/$(BIN):$$PATH" $(PIP) install --constraint constraints.txt --no-build-isolation

# rustup looks for its toolchains under HOME; with another HOME they still lie beside cargo's folder.
ifeq ($(shell cargo --version 2>/dev/null),)
export RUSTUP_HOME ?= $(abspath $(dir $(shell command -v cargo 2>/dev/null))/../../.rustup)
endif

# Small matrices on several threads of BLAS wait for each other more than they compute.
export OPENBLAS_NUM_THREADS ?= 1

# Of `make fuzz` and `make differential`.
MINUTES ?= 5
SEED ?= 1
GRAPHS ?= 2000

# Whatever ends up in the wheel besides Python files, which an editable install reads in place.
SOURCES := pyproject.toml Cargo.toml Cargo.lock $(wildcard chips/*.toml) \
           $(shell find rust -name '*.rs' -o -name Cargo.toml)

.PHONY: run test quick fuzz differential accept golden lint format bench bench-papers wheel constraints clean help
.DEFAULT_GOAL := help

run: $(VENV)/installed ## Run a quantized network on the simulated Darwin3 over real images
	$(BIN)/neurochip run examples/digits_cnn.onnx --chip darwin3.toml --input examples/digits.npz --samples 100

test: $(VENV)/installed-dev ## Run every test, of the Rust core and of the package
	cargo test --locked --package neurochip
	$(BIN)/python -m pytest --numprocesses auto

accept: $(VENV)/installed-dev ## Run whole test sets of every network against onnxruntime: hours; needs NEUROCHIP_DATA
	NEUROCHIP_ACCEPT=$${NEUROCHIP_ACCEPT:-all} $(BIN)/python -m pytest tests/test_acceptance*.py -rP

golden: $(VENV)/installed-dev ## Rewrite the golden counters; review the difference and explain it in the commit
	NEUROCHIP_GOLDEN=rewrite $(BIN)/python -m pytest tests/test_golden.py

quick: $(VENV)/installed-dev ## Run the tests that take less than ten seconds each
	$(BIN)/python -m pytest --numprocesses auto -m "not slow"

fuzz: $(VENV)/installed-dev ## Read damaged files of every format for MINUTES, inputs of SEED; fails on any raw exception
	PYTHONPATH=tests $(BIN)/python -m fuzz --minutes $(MINUTES) --seed $(SEED)

differential: $(VENV)/installed-dev ## Hold GRAPHS random graphs from SEED on, and a corpus of networks, against onnxruntime
	NEUROCHIP_WHOLE_CORPUS=1 $(BIN)/python -m pytest --quiet --numprocesses auto tests/test_corpus.py
	PYTHONPATH=tests $(BIN)/python -m differential --graphs $(GRAPHS) --seed $(SEED)

lint: $(VENV)/installed-dev ## Check formatting, lints and types; changes nothing
	cargo fmt --check
	PYO3_PYTHON=$(CURDIR)/$(BIN)/python cargo clippy --locked --workspace --all-targets -- --deny warnings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest neurochip._core

format: $(VENV)/installed-dev ## Format all code
	cargo fmt
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/installed-dev ## Measure speed; prints each figure beside its goal
	$(BIN)/python benches/run.py
	cargo bench --locked --package neurochip --bench engine

bench-papers: $(VENV)/installed-dev ## Measure the tables and figures of the papers anew, into bench-sdann/ and bench-quartz/
	$(BIN)/neurochip bench sdann
	$(BIN)/neurochip bench quartz

wheel: $(VENV)/installed-dev ## Build the wheel into dist/
	$(BIN)/maturin build --release --out dist

constraints: $(VENV)/created ## Pin the newest versions of all Python packages in constraints.txt
	@$(PIP) install uv
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.10 --all-extras --upgrade \
		--no-annotate --quiet --custom-compile-command "make constraints" --output-file constraints.txt

clean: ## Remove everything that make built
	rm -rf $(VENV) target dist python/neurochip/_core*.so

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

# The build backend lives in the environment, so that a rebuild downloads nothing.
$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "neurochip needs Python 3.10 or newer: make PYTHON=python3.12 ..." >&2; exit 1; }
	@command -v cargo >/dev/null || { echo "neurochip needs Rust: https://rustup.rs" >&2; exit 1; }
	@echo "creating a Python environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) maturin
	@touch $@

$(VENV)/installed: $(VENV)/created constraints.txt $(SOURCES)
	@echo "installing Python packages and building the Rust core, about a minute"
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/created constraints.txt $(SOURCES)
	@echo "installing Python packages for development and building the Rust core, about a minute"
	@$(INSTALL) --editable ".[dev]"
	@touch $(VENV)/installed $@
