# Two commands matter: `make demo` and `make test`. Both install what is missing, or say what to install.
# One build configuration serves everything: release.

SWIFT ?= swift
BUILD := $(SWIFT) build -c release --explicit-target-dependency-import-check error

.PHONY: help build demo test test-long check wheel bench-torch bench-collectives gpu-check-bundle evidence bench-simulation format clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build the programs and libraries into .build/release
	@scripts/install-dependencies build
	$(BUILD)
	@ln -sf libflexmig-collectives.so .build/release/libflexmig.so

demo: ## Build, then train the example on a simulated node with two A100 GPUs
	@scripts/install-dependencies build
	@scripts/demo

test: ## Everything that CI checks: format, imports, all tests, three minutes of chaos
	@scripts/install-dependencies test
	@FLEXMIG_CHAOS_SECONDS=$${FLEXMIG_CHAOS_SECONDS:-180} scripts/check

test-long: ## The same with the full counts: ten minutes of chaos, 10,000 killed ranks, 100,000 layout changes, larger models, sanitizers
	@scripts/install-dependencies test
	@scripts/check-models --long
	@scripts/sanitize
	@FLEXMIG_RECUT_FULL=1 FLEXMIG_CHAOS_SECONDS=600 FLEXMIG_LAYOUT_OPERATIONS=100000 FLEXMIG_KILL_RUNS=10000 FLEXMIG_KILL_LANES=8 scripts/check

check: ## The checks without the chaos: for while you work
	@FLEXMIG_CHAOS_SECONDS=5 scripts/check

wheel: build ## Build the Python package with the library inside into .build/wheel
	@scripts/make-wheel

bench-torch: build ## Measure the PyTorch backend beside gloo
	@scripts/install-dependencies test
	@scripts/bench-torch

bench-collectives: build ## Install peers, and measure collectives against them for docs/measurements
	@scripts/install-peers
	@scripts/bench-collectives

gpu-check-bundle: build ## Pack scripts/gpu-check and what it runs for a machine with a GPU, without Swift or network
	@scripts/gpu-check-bundle

evidence: build ## Run the simulations of docs/evidence again; OPENB=FILE for Alibaba's trace
	@nice scripts/make-evidence

bench-simulation: build ## Measure how simulation and placement times grow, for docs/benchmarks.md
	@scripts/bench-simulation

format: ## Format all Swift sources in place
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests Examples

clean: ## Remove what was built
	rm -rf .build .venv
