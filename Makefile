# Two commands are all a newcomer needs: `make run` and `make test`. Both set the machine up first, and say what
# they install.

CARGO ?= cargo
DATA ?= ./data
LISTEN ?= 127.0.0.1:8080
SETUP_STAMP := target/.setup-done
OIDC := target/tools/oidc
DEPLOYMENT := target/tools/deployment
POSTMAN := target/tools/postman
PACKAGES := target/tools/site
GRAFANA := target/tools/grafana
COMPOSE = docker compose --file deploy/compose.yaml --env-file deploy/.env

.PHONY: help run test tests check format lint docs unit process bench setup errors events metrics postman services services-down dashboards-types dashboards build up logs down browser site-tools site-types site-vendor site-figures load load-check load-tools soak node

help:
	@echo "make run    build Frontrow and serve the demo on http://$(LISTEN)/ (data in $(DATA))"
	@echo "make test   everything that CI runs after the checks: all tests of all crates"
	@echo "make check  the quick look before a commit: format, lints, rules, scenarios, SQLite"
	@echo "make docs   the documentation of the code; warnings are errors"
	@echo "make errors the page docs/errors.md, from the table of errors in the code"
	@echo "make configuration the page docs/configuration.md, from config/default.toml"
	@echo "make events the schemas and the AsyncAPI document in docs/events, from the types in the code"
	@echo "make metrics the page docs/metrics.md, from the table of metrics in the code"
	@echo "make dashboards Grafana's files in deploy/grafana/dashboards, from deploy/grafana/boards"
	@echo "make postman the Postman collection in docs, from the OpenAPI document (needs Node.js)"
	@echo "make browser the site in a real browser (Chromium; needs Node.js)"
	@echo "make oidc   log-ins at a real OpenID Connect provider (needs Node.js)"
	@echo "make deployment what can be said of the files in deploy/ without Docker and without a cluster"
	@echo "make deny   licences, sources and known faults of everything that is built in (needs cargo-deny)"
	@echo "make site-vendor the site's libraries, from the versions of deploy/dev/site (needs Node.js)"
	@echo "make bench  the figures of docs/performance.md, on this machine (BENCH=name ...)"
	@echo "make capacity the table in docs/performance/capacity.md, from the unit costs beside it"
	@echo "make load   classic load scenarios with k6, a minute each (SCENARIO=name ...); see load/README.md"
	@echo "make soak   the long ones: half an hour of everything"
	@echo "make services       a MariaDB, Redis, Redis Cluster and Kafka for tests; see deploy/dev/README.md"
	@echo "make services-down  stops them"
	@echo "make build  the image of Frontrow (needs Docker)"
	@echo "make up     two servers behind nginx on MySQL and Redis (needs Docker); make logs, make down"

setup: $(SETUP_STAMP)

# Looks again when the list of what is needed has changed, or when what is installed below target/ is gone.
ifneq ($(words $(wildcard target/tools/schemathesis/installed.txt target/tools/kafka/installed.xml)),2)
.PHONY: $(SETUP_STAMP)
endif
$(SETUP_STAMP): deploy/dev/setup deploy/dev/schemathesis/requirements.txt deploy/dev/kafka/pom.xml
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

# Written by the test that otherwise fails when the page is not current.
errors: setup
	UPDATE_EXPECT=1 $(CARGO) test --locked --package frontrow-http --lib -- the_page_of_errors_is_current

# Likewise: every setting, from config/default.toml.
configuration: setup
	UPDATE_EXPECT=1 $(CARGO) test --locked --package frontrow-server --bins -- the_page_of_settings_is_current

# The page of a new type and its golden file are written by hand: docs/events/README.md says which. Schemas first: the
# other tests of the contract read them.
events: setup
	UPDATE_EXPECT=1 $(CARGO) test --locked --package frontrow-application --test it -- \
		contract::schemas::the_schemas_are_current contract::asyncapi::the_asyncapi_document_is_current

# Written by the test that otherwise fails when the page is not current.
metrics: setup
	UPDATE_EXPECT=1 $(CARGO) test --locked --package frontrow-application --lib -- the_page_of_metrics_is_current

# Likewise: the table of growth on paper, from the unit costs in docs/performance/units.toml.
capacity: setup
	UPDATE_EXPECT=1 $(CARGO) test --locked --package frontrow-testkit --test it -- the_page_of_capacity_is_current

# A test fails when they are not current.
dashboards:
	python3 deploy/grafana/generate.py

# Whether Grafana would know what is in its files, by its own types: below target/, with the versions of package-lock.json.
dashboards-types: setup
	@mkdir -p $(GRAFANA)
	@cp deploy/dev/grafana/* $(GRAFANA)
	@cmp -s $(GRAFANA)/package-lock.json $(GRAFANA)/installed.json || \
		{ npm ci --prefix $(GRAFANA) --no-audit --no-fund --ignore-scripts && cp $(GRAFANA)/package-lock.json $(GRAFANA)/installed.json; }
	node $(GRAFANA)/check.mjs deploy/grafana/dashboards

# Node is needed for this alone: the collection is committed, and a test fails when it is not current.
postman: setup
	@command -v npm >/dev/null || { echo "make postman needs Node.js 20 or newer with npm" >&2; exit 1; }
	mkdir -p $(POSTMAN)
	cp deploy/dev/postman/package.json deploy/dev/postman/package-lock.json deploy/dev/postman/generate.js $(POSTMAN)
	npm ci --prefix $(POSTMAN) --no-audit --no-fund
	$(CARGO) run --quiet --locked --package frontrow-server -- openapi >$(POSTMAN)/openapi.json
	node $(POSTMAN)/generate.js $(POSTMAN)/openapi.json docs/frontrow.postman_collection.json

# The tests that start real processes come last: they are the slowest, and they stand on everything else.
test: setup
	@deploy/dev/with-services $(MAKE) --no-print-directory tests

# What `make test` runs, for a shell that has the servers: eval "$$(deploy/dev/services env)".
tests:
	$(CARGO) test --workspace --locked --doc
	$(CARGO) test --workspace --locked --exclude frontrow-server --lib --bins --tests
	$(CARGO) test --package frontrow-server --locked --bins --tests
	$(MAKE) --no-print-directory dashboards-types
	$(MAKE) --no-print-directory load-check
	$(MAKE) --no-print-directory browser
	$(MAKE) --no-print-directory deployment
	$(MAKE) --no-print-directory oidc

node: setup
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' || { echo "the tests of the site and of load/ need Node.js 20 or newer" >&2; exit 1; }

# What works on the site and nothing that it is built from: the versions of package-lock.json, below target/.
site-tools: node
	@mkdir -p $(PACKAGES)
	@cp -R deploy/dev/site/. $(PACKAGES)
	@cmp -s $(PACKAGES)/package-lock.json $(PACKAGES)/installed.json || \
		{ npm ci --prefix $(PACKAGES) --no-audit --no-fund --ignore-scripts && cp $(PACKAGES)/package-lock.json $(PACKAGES)/installed.json; }

# The site as people meet it, on servers that the tests start themselves. The types are looked at first: they are quick.
browser: site-types
	$(CARGO) build --locked --package frontrow-server
	FRONTROW_BINARY=$(CURDIR)/target/debug/frontrow node --test --test-concurrency=2 $(PACKAGES)/tests/*.test.mjs

# These and the next ones are no files either.
.PHONY: oidc deployment configuration capacity deny

# Compose file, Dockerfile and Kubernetes manifests, by tools that carry the schemas with them.
deployment: setup
	@cmp -s deploy/dev/deployment/requirements.txt $(DEPLOYMENT)/installed.txt || \
		{ rm -rf $(DEPLOYMENT) && python3 -m venv $(DEPLOYMENT) && \
		$(DEPLOYMENT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement deploy/dev/deployment/requirements.txt && \
		cp deploy/dev/deployment/requirements.txt $(DEPLOYMENT)/installed.txt; }
	$(DEPLOYMENT)/bin/python -B deploy/dev/deployment/check.py $(CURDIR)

# Its list of known faults comes from the network, so this is no part of `make test`.
deny:
	@$(CARGO) deny --version >/dev/null 2>&1 || { echo "make deny needs cargo-deny: cargo install --locked cargo-deny" >&2; exit 1; }
	$(CARGO) deny --all-features check

# Log-ins at a real provider of OpenID Connect, in the versions of package-lock.json, below target/.
oidc: setup
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' || { echo "the tests of log-ins elsewhere need Node.js 20 or newer" >&2; exit 1; }
	@mkdir -p $(OIDC)
	@cp deploy/dev/oidc/* $(OIDC)
	@cmp -s $(OIDC)/package-lock.json $(OIDC)/installed.json || \
		{ npm ci --prefix $(OIDC) --no-audit --no-fund --ignore-scripts && cp $(OIDC)/package-lock.json $(OIDC)/installed.json; }
	$(CARGO) build --locked --package frontrow-server
	FRONTROW_BINARY=$(CURDIR)/target/debug/frontrow node --test $(OIDC)/issuer.test.mjs

# The libraries come without types: what is used of them is beside them, in a copy.
site-types: site-tools
	@rm -rf $(PACKAGES)/web && cp -R crates/http/web $(PACKAGES)/web && cp deploy/dev/site/types/*.d.ts $(PACKAGES)/web/vendor
	node $(PACKAGES)/node_modules/typescript/bin/tsc --project $(PACKAGES)/tsconfig.json

# What docs/performance.md says of the site, measured on this machine.
site-figures: site-tools
	$(CARGO) build --release --locked --package frontrow-server
	FRONTROW_BINARY=$(CURDIR)/target/release/frontrow node $(PACKAGES)/figures.mjs

site-vendor: site-tools
	node $(PACKAGES)/vendor.mjs $(CURDIR)/crates/http/web/vendor

# Everything, on a calm machine: more than an hour. BENCH="decisions http" for these alone; deploy/dev/bench has their names.
bench: setup
	@CARGO="$(CARGO)" deploy/dev/bench $(BENCH)

# k6 comes from source, and nobody needs it to build or test Frontrow: neither setup nor CI builds it.
load-tools:
	@deploy/dev/load-tools

# The short versions: SCENARIO="booking reads" for these alone; all but the soak without it.
load: setup load-tools
	$(CARGO) build --release --locked --package frontrow-server
	load/run $(SCENARIO)

soak: setup load-tools
	$(CARGO) build --release --locked --package frontrow-server
	load/run --long $(or $(SCENARIO),soak)

# Whether the scripts can be loaded, and measure what they promise. Without k6.
load-check: node
	node --test load/check.test.mjs

# A shell learns where they are by: eval "$(deploy/dev/services env)"
services: setup
	@deploy/dev/services up

services-down:
	@deploy/dev/services down

# Passwords that nobody has seen, each of its own.
deploy/.env: | deploy/.env.example
	@umask 077; while IFS= read -r line; do case "$$line" in \
		*=change-me) printf '%s=%s\n' "$${line%%=*}" "$$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')";; \
		*) printf '%s\n' "$$line";; esac; done <deploy/.env.example >$@.new && mv $@.new $@
	@echo "made deploy/.env with new passwords; the first admin is in it" >&2

build: deploy/.env
	$(COMPOSE) build keys

up: deploy/.env
	$(COMPOSE) up --detach
	@echo "the sale is on http://$$(sed -n 's/^FRONTROW_ADDRESS=//p' deploy/.env)/"

logs: deploy/.env
	$(COMPOSE) logs --follow --tail=100

down: deploy/.env
	$(COMPOSE) down
