# Every command that a developer, an operator who tries Portcullis out, or CI needs.

# How the binaries are built: `ci` (no debug information, quick to link), `dev` or `release`.
PROFILE ?= ci
CARGO ?= cargo
PEERS := gateway/tests/peers
# A lock file newer than the installed packages means that they are stale.
PEERS_READY := $(PEERS)/node_modules/.package-lock.json

PYTHON_READY := $(PEERS)/.venv/ready
APPS_READY := $(PEERS)/apps/.venv/ready $(PEERS)/nat/.venv/ready
BENCH_PEERS := benches/peers/.venv

say = @printf '\n==> %s\n' $(1)

.DEFAULT_GOAL := help
.PHONY: help demo test bench bench-check bench-readme bench-programs lint docs peers

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

demo: ## Gateway, provider and agent on http://localhost:8080 (Ctrl-C stops them)
	@.ci/prerequisites build
	$(call say,'Building the demo ($(PROFILE) profile); the first time takes some minutes')
	$(CARGO) build --profile $(PROFILE) --bin portcullis --bin agent-backend
	@$(CARGO) run --quiet --profile $(PROFILE) --bin portcullis -- demo

test: lint peers ## Everything that CI runs
	$(call say,'Building the programs ($(PROFILE) profile): the browser test starts them as a user would')
	$(CARGO) build --workspace --bins --profile $(PROFILE)
	$(call say,'Building and running all tests ($(PROFILE) profile)')
	$(CARGO) test --workspace --profile $(PROFILE)
	$(call say,'Running the behaviour suite again with HTTP/1.1 by pingora')
	PORTCULLIS_TEST_ENGINE=pingora $(CARGO) test -p portcullis --test it --profile $(PROFILE)
	$(call say,'All tests have passed; screenshots are in test-output/')

lint: ## Format, clippy without warnings, dependencies
	@.ci/prerequisites build
	$(call say,'Checking the format')
	$(CARGO) fmt --all --check
	$(call say,'Running clippy ($(PROFILE) profile)')
	$(CARGO) clippy --workspace --all-targets --profile $(PROFILE) -- -D warnings
	$(call say,'Checking licences$(comma) advisories and sources')
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
	  $(CARGO) deny --all-features check; \
	else \
	  echo "cargo-deny is not installed: skipped (cargo install --locked cargo-deny)"; \
	fi

comma := ,

bench bench-check: LAB = @ulimit -Sn "$$(ulimit -Hn)"; $(CARGO) run --quiet --profile $(PROFILE) --bin lab --

bench: PROFILE = release
bench: bench-programs ## The gateway beside others: SCENARIO=plain,minted PEER=haproxy ROUNDS=5 SECONDS=5
	$(LAB) $(if $(SCENARIO),--scenario '$(SCENARIO)') $(if $(PEER),--peer '$(PEER)') \
	  $(if $(ROUNDS),--rounds '$(ROUNDS)') $(if $(SECONDS),--seconds '$(SECONDS)') $(BENCH)

bench-check: PROFILE = lab
bench-check: bench-programs ## Fails if a request costs 5 % more instructions than before: UPDATE=1 accepts
	$(LAB) --check $(if $(UPDATE),--update)

bench-readme: PROFILE = release
bench-readme: ## Writes the last results into benches/README.md
	@$(CARGO) run --quiet --profile $(PROFILE) --bin lab -- --readme benches/README.md

bench-programs: $(BENCH_PEERS)/ready
	@.ci/prerequisites build
	@PATH="$$PATH:/usr/sbin" .ci/prerequisites bench
	$(call say,'Building ($(PROFILE) profile); with link-time optimisation this takes some minutes')
	$(CARGO) build --profile $(PROFILE) -p portcullis -p benches --bins

# Where Python or a wheel is missing, the lab says which servers it goes without.
$(BENCH_PEERS)/ready: $(BENCH_PEERS)/../requirements.txt
	@PATH="$$PATH:/usr/sbin" .ci/prerequisites bench
	-python3 -m venv $(@D) && $(@D)/bin/pip install --quiet --disable-pip-version-check -r $< && touch $@

docs: ## The developers' documentation, in target/doc
	$(call say,'Writing the documentation')
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items

peers: $(PEERS_READY) $(PYTHON_READY) $(APPS_READY) ## The independent parties of the tests: provider, JOSE library, browser driver, apps

$(PEERS_READY): $(PEERS)/package.json $(PEERS)/package-lock.json
	@.ci/prerequisites test
	$(call say,'Installing the test peers')
	cd $(PEERS) && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci
	@touch $@

$(PYTHON_READY): $(PEERS)/requirements.txt
	@.ci/prerequisites test
	python3 -m venv $(PEERS)/.venv
	$(PEERS)/.venv/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# Real applications, 1 GB of them: apart from the few scripts above, whose packages are others.
$(APPS_READY): %/.venv/ready: %/requirements.txt
	@.ci/prerequisites test
	$(call say,'Installing the applications of the tests')
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@
