# Two commands are all a newcomer needs: `make run` and `make test`. Both set the machine up first, and say what
# they install.

CARGO ?= cargo
DATA ?= ./data
LISTEN ?= 127.0.0.1:8080
SETUP_STAMP := target/.setup-done

.PHONY: help run test check format lint docs unit process bench setup

help:
	@echo "make run    build Frontrow and serve the demo on http://$(LISTEN)/ (data in $(DATA))"
	@echo "make test   everything that CI runs after the checks: all tests of all crates"
	@echo "make check  the quick look before a commit: format, lints, rules, scenarios, SQLite"
	@echo "make docs   the documentation of the code; warnings are errors"
	@echo "make bench  the figures of docs/performance.md, on this machine"

setup: $(SETUP_STAMP)

# Looks again when the list of what is needed has changed.
$(SETUP_STAMP): deploy/dev/setup
	@deploy/dev/setup
	@mkdir -p target
	@touch $@

run: setup
	$(CARGO) build --release --locked --package frontrow-server
	./target/release/frontrow serve --demo --data $(DATA) --listen $(LISTEN)

check: setup format lint unit

format:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --workspace --all-targets --locked -- --deny warnings

# The rules, the scenarios and the suites of the embedded store.
unit:
	$(CARGO) test --locked --package frontrow-domain --package frontrow-application \
		--package frontrow-store-sqlite --package frontrow-testkit --lib --bins --tests

docs: setup
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --workspace --no-deps --locked --document-private-items

# The tests that start real processes come last: they are the slowest, and they stand on everything else.
test: setup
	$(CARGO) test --workspace --locked --doc
	$(CARGO) test --workspace --locked --exclude frontrow-server --lib --bins --tests
	$(CARGO) test --package frontrow-server --locked --bins --tests

bench: setup
	$(CARGO) bench --locked --package frontrow-server --bench http
