# Everything a newcomer, a maintainer and CI run. `make help` lists the targets.

SWIFT ?= swift
PREFIX ?= /usr/local
# How long `make fuzz` runs each target.
SECONDS ?= 60
# Where `make browser` puts its pictures, if they are to be kept.
export SCREENSHOTS

.PHONY: help setup build demo test lint interop browser slurm faults crash fuzz docs client bench dist wheel install clean

help: ## List the targets.
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST)

setup: ## Install the missing system packages, or say which they are.
	@scripts/setup.sh

build: setup ## Build the release binary.
	$(SWIFT) build -c release --product savi-ckpt

demo: build ## Convert the sample, print its table and verify it, step by step.
	@scripts/demo.sh

test: setup ## Run the tests.
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --disable-xctest

lint: ## Check the format and style of every Swift file.
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks Fuzz

interop: build ## Compare with PyTorch, Flax and NumPy, from PyPI, in a cached virtual environment.
	@$(SWIFT) build -c release --product MakeCorpus
	@scripts/interop.sh

browser: build ## Look at the pages of `report` in Chromium; SCREENSHOTS=docs/images keeps the pictures.
	@scripts/setup.sh chromium chromedriver:chromium-driver
	@scripts/browser.sh

slurm: build ## Run fleets and parts on a real Slurm of one node; as root, installs Slurm.
	@scripts/slurm.sh

faults: build ## Put faults into ports of many models, and see whether `verify` finds them.
	@scripts/faults.sh --write docs/faults.md

crash: ## Signal a conversion at every system call; installs strace.
	@scripts/setup.sh strace
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --disable-xctest --filter SystemCallTests

fuzz: setup ## Fuzz every reader for SECONDS each (60), with address sanitizer; see docs/fuzzing.md.
	SAVI_CKPT_FUZZ=1 $(SWIFT) build -c release --product fuzz --scratch-path .build-fuzz \
	  --sanitize fuzzer --sanitize address
	@scripts/fuzz.sh $(SECONDS)

docs: build ## Run every command the documentation shows, and check its table of layouts.
	@python3 scripts/layouts_table.py --check
	@python3 scripts/check_docs.py
	$(SWIFT) build --target Checkpoints
	@python3 scripts/check_api.py

client: setup ## Build a package outside of this one against a clone, and run it.
	@scripts/client.sh

bench: build ## Measure against what a user would otherwise run.
	@$(SWIFT) build -c release --product ForwardPassBenchmark
	@Benchmarks/run.sh

dist: setup ## Make the release tarball: it runs where neither Swift nor the C libraries are.
	@scripts/dist.sh

wheel: setup ## Make the Python wheel of the same binary, and try it in clean environments.
	@scripts/wheel.sh

install: setup ## Install the binary under PREFIX (default /usr/local); it needs no Swift to run.
	install -d $(DESTDIR)$(PREFIX)/bin
	install -s -m 755 "$$(scripts/build-static.sh)" $(DESTDIR)$(PREFIX)/bin/savi-ckpt

clean: ## Remove what was built.
	$(SWIFT) package clean
	rm -rf demo-output dist .build-dist .build-fuzz .build-client
