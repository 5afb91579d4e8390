# `make` alone lists the targets. Everything they install stays inside this checkout.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
# The recipes below name what Cargo builds.
export CARGO_TARGET_DIR := $(CURDIR)/target

STEP := .ci/step
VENVS := .venv/sam .venv/local-aws .venv/aws-cli .venv/checkov .venv/openapi-client .venv/github
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := .tools/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny
CARGO_CYCLONEDX_VERSION := 0.5.9
CARGO_CYCLONEDX := .tools/cargo-cyclonedx-$(CARGO_CYCLONEDX_VERSION)/bin/cargo-cyclonedx
CARGO_BOLERO_VERSION := 0.13.5
CARGO_BOLERO := .tools/cargo-bolero-$(CARGO_BOLERO_VERSION)/bin/cargo-bolero
CARGO_MUTANTS_VERSION := 27.1.0
CARGO_MUTANTS := .tools/cargo-mutants-$(CARGO_MUTANTS_VERSION)/bin/cargo-mutants

WEBHOOK := .aws-sam/build/WebhookFunction/bootstrap
EVENT_PROCESSOR := .aws-sam/build/EventProcessorFunction/bootstrap
VERIFY_AND_DECODE := target/release/examples/verify_and_decode
BASELINES := tests/bench/baselines
BENCH := target/release/bench
# What `make bench` takes: CPU shares (full, or a memory size in MB), starts of each candidate, where the results go.
MEMORY ?= full,256
ROUNDS ?= 25
OUTPUT ?= target/bench
# What `make fuzz` takes: the time for all targets together, the targets (all, if none is named), whether the corpora grow.
MINUTES ?= 5
TARGETS ?=
KEEP ?= no
# What `make soak` takes: the deliveries of the load, the trials (all, if none is named), where the results go.
DELIVERIES ?= 5000
TRIALS ?=
RESULTS ?= $(if $(TRIALS),target/soak,docs/reliability)
# What `make mutants` takes: the files to break (all of .ci/mutants, if none is named), and whether only to try again what survived.
FILES ?=
ONLY ?=

VALGRIND := $(if $(shell command -v valgrind),,.tools/valgrind/usr/bin/valgrind)
WITH_VALGRIND := $(if $(VALGRIND),PATH="$(CURDIR)/.tools/valgrind/usr/bin:$$PATH" VALGRIND_LIB="$(CURDIR)/.tools/valgrind/usr/libexec/valgrind")

LOCAL_STACK := target/debug/local-stack

# SAM finds cargo-lambda and zig, the linker, beside itself.
SAM := PATH="$(CURDIR)/.venv/sam/bin:$$PATH" SAM_CLI_TELEMETRY=0 .venv/sam/bin/sam
# Building and validating need the name of some region; deploying takes yours.
OFFLINE := AWS_DEFAULT_REGION=us-east-1

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 24

.PHONY: demo
demo: stack ## Deploy the stack on the local AWS, play WHOOP against it, show what happens
	@exec $(LOCAL_STACK) demo

.PHONY: demo-picture
demo-picture: .venv/sam/.installed ## Run the demo and draw what it prints as docs/demo.svg
	@mkdir -p target
	@script --quiet --return --command "$(MAKE) --no-print-directory demo" target/demo-output.txt
	@.venv/sam/bin/python docs/demo/picture.py target/demo-output.txt docs/demo.svg

.PHONY: dashboard-picture
dashboard-picture: stack ## Use the stack on the local AWS for two minutes and draw its dashboard as docs/dashboard.svg
	@exec $(LOCAL_STACK) dashboard docs/dashboard.svg

.PHONY: up
up: stack .venv/aws-cli/.installed ## Do the same as the demo, then keep it running until Ctrl-C
	@exec $(LOCAL_STACK) up

.PHONY: test
test: stack .venv/aws-cli/.installed .venv/openapi-client/.installed ## Run every test, the end-to-end ones against the deployed stack
	@$(STEP) "Compiling the tests (minutes the first time)" cargo test --quiet --workspace --no-run
	@cargo test --workspace

# The instrumented build has a folder of its own. It is built first, so that no target spends its time on that.
.PHONY: fuzz
fuzz: $(CARGO_BOLERO) ## Fuzz the functions' inputs, and compare 100,000 signatures: MINUTES=5 TARGETS="signature" KEEP=yes
	@$(STEP) "Compiling the fuzz targets (minutes the first time)" .ci/fuzz $(CARGO_BOLERO) build
	@.ci/fuzz $(CARGO_BOLERO) run $(MINUTES) $(if $(filter yes,$(KEEP)),--keep) $(TARGETS)
	@$(STEP) "Comparing 100,000 signatures with Python and OpenSSL" env HMAC_CASES=100000 HMAC_SEED=$$RANDOM$$RANDOM \
		cargo test --quiet --workspace --test targets differential

# The simulation is one of the trials, as a program of its own.
.PHONY: soak
soak: build .venv/local-aws/.installed ## Kill, freeze, flood and load the released functions: DELIVERIES=5000 TRIALS="floods load"
	@$(STEP) "Compiling the trials (minutes the first time)" \
		cargo build --quiet --locked --profile bench --package soak --package simulation
	@target/release/soak --deliveries $(DELIVERIES) --output $(RESULTS) $(TRIALS)

.PHONY: mutants
mutants: $(CARGO_MUTANTS) ## Break the code on purpose, see what no unit test notices (an hour or two): FILES="shared/src/signature.rs" ONLY=survivors
	@.ci/mutants $(CARGO_MUTANTS) $(if $(filter survivors,$(ONLY)),--survivors) $(FILES)

.PHONY: bench
bench: build bench-tools ## Measure the webhook and the order's way beside baselines: MEMORY=full,128,256,512 ROUNDS=25 OUTPUT=target/bench
	@$(STEP) "Compiling the baselines (minutes the first time)" $(MAKE) --no-print-directory baselines
	@$(WITH_VALGRIND) $(BENCH) run --webhook $(WEBHOOK) --verify-and-decode $(VERIFY_AND_DECODE) \
		--event-processor $(EVENT_PROCESSOR) --rust-baselines target/baselines --baselines-lock $(BASELINES)/Cargo.lock \
		--node-bundle $(BASELINES)/node/dist/bootstrap.js \
		--memory $(MEMORY) --rounds $(ROUNDS) --output $(OUTPUT)

.PHONY: bench-order
bench-order: build bench-tools bare-client ## Measure only the order's way: MEMORY=full,256 ROUNDS=25
	@$(BENCH) order --event-processor $(EVENT_PROCESSOR) --rust-baselines target/baselines --memory $(MEMORY) --rounds $(ROUNDS)

.PHONY: guard guard-accept
guard guard-accept: build bench-tools
guard: ## Fail if a function's size or the webhook's instruction count has grown by more than 5 %
	@$(GUARD)
guard-accept: ## Make today's sizes and instruction count the ones to compare with
	@$(GUARD) --accept

GUARD = $(WITH_VALGRIND) $(BENCH) guard --webhook $(WEBHOOK) --verify-and-decode $(VERIFY_AND_DECODE) \
	--event-processor $(EVENT_PROCESSOR) --baseline tests/bench/baseline.json

.PHONY: lint
lint: .venv/sam/.installed .venv/checkov/.installed .venv/github/.installed $(CARGO_DENY) ## Check format, code, docs, template, licences, workflows
	@cargo fmt --all --check
	@cd $(BASELINES) && cargo fmt --all --check
	@$(STEP) "Checking the code (minutes the first time)" cargo clippy --locked --quiet --workspace --all-targets -- -D warnings
	@$(STEP) "Checking the baselines (minutes the first time)" env --chdir=$(BASELINES) \
		cargo clippy --locked --quiet --target-dir $(CURDIR)/target/baselines --all-targets -- -D warnings
	@$(STEP) "Checking the library's features (minutes the first time)" .ci/library
	@$(STEP) "Checking the docs" env RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps
	@$(CARGO_DENY) --log-level warn check licenses bans sources
	@.venv/sam/bin/cfn-lint --custom-rules tests/template/rules.txt template.yaml
	@$(OFFLINE) $(SAM) validate --lint
	@.venv/checkov/bin/checkov --skip-download --framework cloudformation --file template.yaml --compact --quiet
	@.venv/github/bin/zizmor --offline --quiet --persona pedantic .
	@$(CHECK_SCHEMA) vendor.github-workflows .github/workflows/*.yml
	@$(CHECK_SCHEMA) vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	@$(CHECK_SCHEMA) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml

CHECK_SCHEMA := .venv/github/bin/check-jsonschema --quiet --builtin-schema

.PHONY: build
build: .venv/sam/.installed target/.fetched ## Build the functions for this machine's processor
	@$(STEP) "Building the functions (minutes the first time)" \
		env $(OFFLINE) RUSTFLAGS="$(REMAP_PATHS)" $(SAM) build \
		$(if $(ARCHITECTURE)$(PARAMETERS),--parameter-overrides $(ARCHITECTURE) $(PARAMETERS))

# What runs here is built for the processor that is here; what is deployed, for the one that the template or PARAMETERS name.
MACHINE := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)
ARCHITECTURE := $(if $(filter Architecture=%,$(PARAMETERS)),,Architecture=$(MACHINE))
deploy: ARCHITECTURE :=

# The functions name their source files in logs of panics, but not where these files lie on this machine. The folders of the
# dependencies are known once they are fetched.
CARGO_HOME ?= $(HOME)/.cargo
SOURCES = $(CURDIR) $(shell rustc --print sysroot) $(shell echo $(CARGO_HOME)/registry/src/*)
REMAP_PATHS = $(SOURCES:%=--remap-path-prefix=%=)
target/.fetched: Cargo.lock
	@$(STEP) "Fetching the dependencies" \
		cargo fetch --quiet --locked --target x86_64-unknown-linux-gnu --target aarch64-unknown-linux-gnu
	@mkdir -p $(@D) && touch $@

.PHONY: reproduce
reproduce: .venv/sam/.installed ## Build the functions twice, in two folders, and fail if they differ in a byte
	@.ci/reproduce $(CURDIR)/$(STEP)

.PHONY: deploy
deploy: build ## Deploy to your AWS account: STACK=name, PARAMETERS="Name=value ..." of the template
	@$(DEPLOY)

# For CI, which builds where no credentials are, and has nobody to answer SAM's question: CONFIRM=no.
.PHONY: deploy-built
deploy-built: .venv/sam/.installed .aws-sam/build/template.yaml
	@$(DEPLOY) $(if $(filter no,$(CONFIRM)),--no-confirm-changeset)

DEPLOY = $(SAM) deploy $(if $(STACK),--stack-name $(STACK)) $(if $(PARAMETERS),--parameter-overrides $(PARAMETERS))

# The files of a release.
RELEASE_FILES := target/release-files

.PHONY: zips
zips: build ## Pack the functions for Lambda, such as target/release-files/webhook-x86_64.zip: PARAMETERS="Architecture=arm64"
	@.ci/zips $(RELEASE_FILES)

.PHONY: bill-of-materials
bill-of-materials: $(CARGO_CYCLONEDX) ## List the crates in each function as CycloneDX, such as target/release-files/webhook.cdx.json
	@.ci/bill-of-materials $(CARGO_CYCLONEDX) $(RELEASE_FILES)

.PHONY: setup
setup: $(VENVS:=/.installed) $(CARGO_DENY) $(CARGO_CYCLONEDX) $(CARGO_BOLERO) $(CARGO_MUTANTS) $(VALGRIND) ## Install the tools that the other targets need (they do so by themselves)

# Side by side: linking a function keeps one processor busy for a minute. The local stack takes only what the functions leave.
.PHONY: stack
stack:
	@$(STEP) "Building the functions, the tool and the local stack (minutes the first time)" \
		$(MAKE) --no-print-directory --jobs=2 build local-stack

# With a test beside the program, Cargo chooses the features that all tests need, and `make test` compiles nothing a second time.
.PHONY: local-stack
local-stack: .venv/local-aws/.installed
	@$(STEP) "Compiling the local stack and the tool (minutes the first time)" \
		nice cargo build --quiet --workspace --bin local-stack --bin whoop-partner --test proofs

.PHONY: bench-tools
bench-tools: $(VALGRIND)
	@$(STEP) "Compiling the benchmark (minutes the first time)" cargo build --quiet --locked --profile bench --package bench
	@$(STEP) "Compiling what is counted (minutes the first time)" \
		cargo build --quiet --locked --release --package webhook --example verify_and_decode

# Each by itself, so that features do not unify.
.PHONY: baselines bare-client
bare-client:
	@cd $(BASELINES) && cargo build --quiet --locked --target-dir $(CURDIR)/target/baselines --profile lean --package bare-client
baselines: bare-client
	cd $(BASELINES) && cargo build --quiet --locked --target-dir $(CURDIR)/target/baselines --profile lean --package floor
	cd $(BASELINES) && cargo build --quiet --locked --target-dir $(CURDIR)/target/baselines --release --package tutorial
	cd $(BASELINES)/node && npm ci && npm run build

# Where there is none, the Debian package's files will do, unpacked.
.tools/valgrind/usr/bin/valgrind:
	@rm -rf .tools/valgrind && mkdir -p .tools/valgrind
	@$(STEP) "Fetching valgrind" bash -c 'cd .tools/valgrind && \
		(apt-get download valgrind || (apt-get update && apt-get download valgrind)) && dpkg-deb -x valgrind_*.deb .'

# pip leaves a stamp behind only when everything is in place; a changed requirements file starts anew.
.venv/%/.installed: requirements/%.txt
	@rm -rf $(@D)
	@python3 -m venv $(@D)
	@$(STEP) "Installing the tools of $<" \
		$(@D)/bin/pip install --disable-pip-version-check --no-input --requirement $<
	@touch $@

# They are run once in a while, over a small graph: not worth the minutes that optimising them takes.
$(CARGO_DENY):
	@$(STEP) "Compiling cargo-deny (minutes, once)" \
		cargo install --locked --debug --root .tools/cargo-deny-$(CARGO_DENY_VERSION) cargo-deny@$(CARGO_DENY_VERSION)

$(CARGO_CYCLONEDX):
	@$(STEP) "Compiling cargo-cyclonedx (minutes, once)" cargo install --locked --debug \
		--root .tools/cargo-cyclonedx-$(CARGO_CYCLONEDX_VERSION) cargo-cyclonedx@$(CARGO_CYCLONEDX_VERSION)

$(CARGO_BOLERO):
	@$(STEP) "Compiling cargo-bolero (minutes, once)" \
		cargo install --locked --debug --root .tools/cargo-bolero-$(CARGO_BOLERO_VERSION) cargo-bolero@$(CARGO_BOLERO_VERSION)

$(CARGO_MUTANTS):
	@$(STEP) "Compiling cargo-mutants (minutes, once)" \
		cargo install --locked --debug --root .tools/cargo-mutants-$(CARGO_MUTANTS_VERSION) cargo-mutants@$(CARGO_MUTANTS_VERSION)
