# SPDX-License-Identifier: Apache-2.0
# One target for each thing a developer does with Groat; `make` alone lists them.
# Every target first installs what it needs and the machine does not have: see tools/bootstrap.py.

PYTHON ?= python3
MODEL ?=
FUZZ_SECONDS ?= 600
PYTEST_ARGS ?=
CHECK_ARGS ?=

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
ON_C_FILES := git ls-files '*.c' '*.h' '*.cpp' | xargs

.DEFAULT_GOAL := help
.PHONY: help setup setup-host demo test test-fast test-long lint format fuzz checkkernel bench bench-check clean distclean

help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup: ## Install everything: Debian packages, .venv, the extension module
	@$(PYTHON) tools/bootstrap.py --cross

setup-host:
	@$(PYTHON) tools/bootstrap.py

demo: setup ## Classify digits on the host and on emulated microcontrollers; MODEL=path.tflite for your own model
	@$(BIN)/python examples/digits/demo.py $(if $(MODEL),--model "$(MODEL)")

test: setup ## All tests but the slow ones (at most 20 minutes on two cores)
	@$(PYTEST) -n 2 -m "not slow" $(PYTEST_ARGS)

test-fast: setup-host ## Only the tests that need no cross toolchain and no emulator
	@$(PYTEST) -n 2 -m "not slow and not qemu" $(PYTEST_ARGS)

test-long: setup ## Only the slow ones: full sweeps, long fuzzing
	@$(PYTEST) -n 2 -m slow $(PYTEST_ARGS)

lint: setup-host ## Check style and types; changes nothing
	@$(BIN)/ruff check --output-format concise
	@$(BIN)/ruff format --check --quiet || { echo 'unformatted files: run make format' >&2; exit 1; }
	@$(BIN)/mypy
	@$(ON_C_FILES) $(BIN)/clang-format --dry-run -Werror

format: setup-host ## Format all Python, C and C++ files
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format
	@$(ON_C_FILES) $(BIN)/clang-format -i

fuzz: setup ## Fuzz groat_open and groat_run for FUZZ_SECONDS (600)
	@$(BIN)/python tests/fuzz/fuzz.py --seconds $(FUZZ_SECONDS)

checkkernel: setup ## Hold every kernel to its contract and print what it costs; CHECK_ARGS="--on qemu:cortex-m4"
	@$(BIN)/python -m tests.kernels.checkkernel $(CHECK_ARGS)

bench: setup ## Measure every model on every core and write figures.csv and the README's table
	@$(BIN)/python tests/bench/bench.py --repeat

bench-check: setup ## Measure twice; fail if a figure is 2 % worse than the committed one, or not the same twice
	@$(BIN)/python tests/bench/bench.py --check --repeat

clean: ## Remove what was built, but not what was installed
	@rm -rf build dist .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean ## Remove .venv too
	@rm -rf .venv
