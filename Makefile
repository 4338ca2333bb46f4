# The same few verbs everywhere; `make` alone lists them.

# BSD make begins with this target, and leaves out what it does not understand of the rest. To GNU
# make it is one that nobody asks for.
.BEGIN:
	@echo "This is a GNU makefile: use GNU make, which may be called gmake here." >&2; exit 1

.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3
VENV := .venv
IN_VENV := $(VENV)/bin/python

# Where there is uv, it installs; UV= has pip do it. Either takes the same files, by their hashes. uv
# needs no pip in .venv; pip may find one that uv has made.
UV ?= $(shell command -v uv 2>/dev/null)
UV := $(UV)
INSTALLER := $(if $(UV),uv,pip)
WITH_UV = '$(UV)' pip install --python $(IN_VENV) --compile-bytecode
WITH_PIP = { $(IN_VENV) -c 'import pip' 2>/dev/null || $(IN_VENV) -m ensurepip >/dev/null; } && \
  $(IN_VENV) -m pip --quiet --disable-pip-version-check --no-input install
INSTALL = $(if $(UV),$(WITH_UV),$(WITH_PIP)) --require-hashes --only-binary :all:

# A stamp lists the packages that are there, to tell when they are gone.
STAMP = (cd $(VENV) && ls -d lib/python*/site-packages/*.dist-info | grep -v /pip-) > $@

##@ Run

.PHONY: up
up: install ## Start PostgreSQL and the ten services (PORT_BASE, BIND_ADDRESS, DATA_DIR, DATABASE_URL, AUTH_MODE)
	@$(IN_VENV) -m fleet up

.PHONY: down
down: ## Stop them, whichever terminal they run in
	@if [ -x $(IN_VENV) ]; then $(IN_VENV) -m fleet down; else echo "Nothing is running."; fi

.PHONY: token
token: install ## Print a token: make token ROLE=customer CUSTOMER=…, or ROLE=staff; else an admin's
	@$(IN_VENV) -m fleet.issuer '$(ROLE)' $(CUSTOMER)

##@ Try out

.PHONY: demo
demo: install ## Fill a running fleet with a small catalogue and buy something, call by call
	@$(IN_VENV) -m fleet.demo

.PHONY: replay
replay: install ## Play a year of real invoices: make replay DATA=online_retail.csv.gz LIMIT=2000
	@[ -n "$(DATA)" ] || \
	  { echo "Which file? make replay DATA=… It is Online Retail as CSV: https://doi.org/10.24432/C5BW33" >&2; exit 1; }
	@$(IN_VENV) -m fleet.replay "$(DATA)" $(if $(LIMIT),--limit $(LIMIT))

.PHONY: audit
audit: install ## Check every invariant over all schemas (AUDIT_DATABASE_URL)
	@$(IN_VENV) -m fleet.audit

OPENAPI ?= openapi.json
.PHONY: openapi
openapi: install ## Write one OpenAPI page for all ten services (OPENAPI=file)
	@$(IN_VENV) -m fleet.openapi "$(OPENAPI)"

##@ Operate

.PHONY: status
status: install ## Each service's version, health, rate, p99 and errors; what is unfinished (SECONDS=10)
	@$(IN_VENV) -m fleet.status $(if $(SECONDS),--seconds $(SECONDS))

.PHONY: logs
logs: install ## Follow the logs; those of one service: make logs SERVICE=cart
	@$(IN_VENV) -m fleet.follow $(SERVICE)

.PHONY: dead-jobs
dead-jobs: install ## What was tried often and in vain: payments, refunds, drafts, fulfilment jobs
	@$(IN_VENV) -m fleet.parked

.PHONY: retry
retry: install ## Have a dead job tried at once: make retry JOB=…, or ALL=1
	@[ -n "$(JOB)$(ALL)" ] || { echo "Which one? make retry JOB=…, or ALL=1. See make dead-jobs" >&2; exit 1; }
	@$(IN_VENV) -m fleet.parked retry $(if $(ALL),--all,'$(JOB)')

.PHONY: psql
psql: install ## A prompt on the database, that reads only (ADMIN=1 may all; ROLE=cart; SQL="…")
	@$(IN_VENV) -m fleet.psql $(if $(ADMIN),--admin) $(if $(ROLE),--role '$(ROLE)') \
	  $(if $(SQL),--command "$(SQL)")

.PHONY: backup
backup: install ## Save all schemas, as of one moment, while the fleet runs (FILE=…)
	@$(IN_VENV) -m fleet.backup $(if $(FILE),'$(FILE)')

.PHONY: erased
erased: install ## Add who was erased to the list beside the backups, which a restore reads (FILE=…)
	@$(IN_VENV) -m fleet.erased $(if $(FILE),'$(FILE)')

.PHONY: restore
restore: install ## Put a backup in, while the fleet is stopped: make restore FILE=… (ERASED=…, OVERWRITE=1, COMPOSE=1)
	@[ -n "$(FILE)" ] || { echo "Which backup? make restore FILE=…" >&2; exit 1; }
	@$(IN_VENV) -m fleet.restore '$(FILE)' $(if $(ERASED),--erased '$(ERASED)') $(if $(OVERWRITE),--overwrite) $(if $(COMPOSE),--compose)

##@ Set up

.PHONY: install
install: $(VENV)/.installed ## Make .venv with exactly the locked versions

.PHONY: install-dev
install-dev: $(VENV)/.installed-dev ## …and the tools for tests and checks

# A Python that was upgraded away leaves an environment that looks installed and does not run; what
# else looks after packages may take ours away.
BROKEN := $(shell [ -x $(IN_VENV) ] && cat $(VENV)/.installed* 2>/dev/null | \
  (cd $(VENV) && xargs ls -d) >/dev/null 2>&1 || echo broken)
.PHONY: $(BROKEN)
$(BROKEN):

# Always from nothing: what an older lock left behind would not be exactly what is locked.
$(VENV)/.installed: requirements.txt $(BROKEN)
	@command -v $(PYTHON) >/dev/null || \
	  { echo "There is no $(PYTHON). Install Python 3.11 or newer, or name yours: make $(MAKECMDGOALS) PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make $(MAKECMDGOALS) PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import venv$(if $(UV),,, ensurepip)' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@[ ! -L $(VENV) ] || \
	  { echo "$(VENV) is a link, and what it leads to is not ours to replace. Remove it, or name another: make $(MAKECMDGOALS) VENV=…" >&2; exit 1; }
	@[ $(VENV) = .venv ] || [ ! -e $(VENV) ] || [ -e $(VENV)/.ours ] || \
	  { echo "$(VENV) is not ours to replace. Move it away, or name another: make $(MAKECMDGOALS) VENV=…" >&2; exit 1; }
	@echo "1/2 Making $(VENV) with $$($(PYTHON) -V) …"
	@$(PYTHON) -m venv --clear $(if $(UV),--without-pip) $(VENV) || \
	  { echo "$(VENV) could not be made: see above. Is there disk space?" >&2; exit 1; }
	@touch $(VENV)/.ours
	@echo "2/2 Installing the locked packages with $(INSTALLER) …"
	@$(INSTALL) -r requirements.txt || \
	  { echo "The packages could not be installed: see above. Is there disk space, and a way to the package index?$(if $(UV), With pip instead: make $(MAKECMDGOALS) UV=)" >&2; exit 1; }
	@$(STAMP)

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing the locked tools …"
	@$(INSTALL) -r requirements-dev.txt
	@$(STAMP)

$(VENV)/.installed-bench: bench/requirements.txt $(VENV)/.installed-dev
	@echo "Installing what draws the charts and samples …"
	@$(INSTALL) -r bench/requirements.txt
	@$(STAMP)

$(VENV)/.installed-supply: supply/requirements.txt $(VENV)/.installed-dev
	@echo "Installing what looks after the dependencies …"
	@$(INSTALL) -r supply/requirements.txt
	@$(STAMP)

$(VENV)/.installed-clients: tests/clients/requirements.txt $(VENV)/.installed-dev
	@echo "Installing what makes clients of the OpenAPI pages …"
	@$(INSTALL) -r tests/clients/requirements.txt
	@$(STAMP)

# For TypeScript, where there is Node.
tests/clients/node_modules/.installed: tests/clients/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix tests/clients --no-audit --no-fund && touch $@; \
	  else echo "There is no Node here: no client in TypeScript is made." >&2; fi

##@ Develop

# Kept, whatever the environment says: tests start hundreds of processes, each of which would
# compile everything anew.
export PYTHONDONTWRITEBYTECODE =

# Two workers more than there are cores: much of what is tested under faults is waiting, for whole
# minutes in some of them.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)
PYTEST := $(IN_VENV) -m pytest -n $(WORKERS) --dist loadgroup

.PHONY: test
test: install-dev ## Every test that needs no Docker (ARGS="-k name", ARGS=cartService pick some)
	@$(PYTEST) $(ARGS)

.PHONY: test-compose
test-compose: install-dev ## The journeys over the containers; chassis, full disk, pause on postgres:18
	@docker compose version >/dev/null 2>&1 || \
	  { echo "Docker with Compose v2 is needed, and its engine must run: try 'docker info'." >&2; exit 1; }
	@TESTCONTAINERS_RYUK_DISABLED=true $(IN_VENV) -m pytest --fleet=compose --postgres=container \
	  chassis tests/journeys tests/docker $(ARGS)

.PHONY: test-observability
test-observability: install-dev ## Dashboards and alerts against a real Prometheus that scrapes a real fleet
	@command -v promtool >/dev/null && command -v prometheus >/dev/null || \
	  { echo "Prometheus and promtool are needed. On Debian and Ubuntu: sudo apt install prometheus" >&2; exit 1; }
	@$(IN_VENV) -m pytest -q --prometheus tests/observed/prometheus $(ARGS)

.PHONY: test-clients
test-clients: $(VENV)/.installed-clients tests/clients/node_modules/.installed ## Clients made of the OpenAPI pages, in Python and TypeScript, buy something
	@$(IN_VENV) -m pytest -q tests/clients $(ARGS)

.PHONY: upgrade-check
upgrade-check: install-dev ## Bring the schemas of each released version forward, with its rows
	@$(IN_VENV) -m pytest -q tests/upgrade $(ARGS)

.PHONY: lint
lint: install-dev ## Format and rules (ruff), types (mypy), agreement of the locks
	@$(IN_VENV) -m ruff format --check .
	@$(IN_VENV) -m ruff check .
	@$(IN_VENV) -m mypy .
	@$(IN_VENV) -m pytest -q tests/house

.PHONY: format
format: install-dev ## Mend what ruff can mend
	@$(IN_VENV) -m ruff format .
	@$(IN_VENV) -m ruff check --fix .

LOCK := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 \
  --generate-hashes --no-header --no-annotate

.PHONY: lock
lock: install-dev ## Resolve requirements.in anew, all at one date (UPGRADE=1 takes newer releases)
	@$(LOCK) $(if $(UPGRADE),--upgrade) requirements-dev.in -o requirements-dev.txt
	@for folder in . chassis bench supply tests/clients *Service; do \
	  echo "$$folder/requirements.txt"; \
	  $(LOCK) $$folder/requirements.in -c requirements-dev.txt -o $$folder/requirements.txt || exit 1; \
	done

##@ Measure

.PHONY: bench
bench: $(VENV)/.installed-bench ## The fleet beside a bare floor: a table, JSON and a chart in bench/results/
	@$(IN_VENV) -m bench $(ARGS)

.PHONY: bench-profile
bench-profile: $(VENV)/.installed-bench ## Where a purchase's time goes: layers of the services, statements (ARGS)
	@$(IN_VENV) -m bench.profile $(ARGS)

.PHONY: bench-scale
bench-scale: $(VENV)/.installed-bench ## The same on a million products, a million customers, five million orders (ARGS)
	@$(IN_VENV) -m bench.scale $(ARGS)

.PHONY: bench-bloat
bench-bloat: install-dev ## Hot rows changed over and over: do their tables stay as large? (UPDATES)
	@$(IN_VENV) -m bench.scale.bloat $(if $(UPDATES),--updates $(UPDATES))

.PHONY: bench-soak
bench-soak: install-dev ## Purchases for hours: does the memory stay as large? (PURCHASES=200000)
	@$(IN_VENV) -m bench.scale.soak $(if $(PURCHASES),--purchases $(PURCHASES))

.PHONY: overload
overload: install-dev ## Checkouts at three and at ten times the capacity: goodput, latency, recovery
	@$(IN_VENV) -m bench.overload $(ARGS)

##@ Break

.PHONY: crash-points
crash-points: install-dev ## A purchase cut at every step, in every way; goes on where it stopped (FLEETS, SAMPLE, SEED, ONLY)
	@$(IN_VENV) -m tests.faults.crash_points --results .data/crash-points.jsonl \
	  $(if $(FLEETS),--fleets $(FLEETS)) $(if $(SAMPLE),--sample $(SAMPLE)) \
	  $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only '$(ONLY)')

.PHONY: chaos
chaos: install-dev ## Shoppers, while services and PostgreSQL are killed: make chaos SECONDS=300 SEED=1
	@$(IN_VENV) -m tests.faults.chaos --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED))

.PHONY: races
races: install-dev ## A thousand buyers of ten units, a hundred thousand submits: all races at full size
	@$(IN_VENV) -m pytest tests/faults/races --races=full -s $(ARGS)

.PHONY: outages
outages: install-dev ## Peers and PostgreSQL down, slow, silent, full: answered in time, healed without a restart
	@$(IN_VENV) -m pytest -q tests/faults/outages $(ARGS)

.PHONY: mutants
mutants: install-dev ## Break the product in many small ways: is each of them noticed? (ONLY=name)
	@$(IN_VENV) -m tests.faults.mutants $(if $(ONLY),--only '$(ONLY)')

##@ Secure

.PHONY: secrets
secrets: install ## Make the passwords and keys of docker-compose.prod.yml, once (SECRETS_DIR)
	@$(IN_VENV) -m fleet.secret_files
	@$(IN_VENV) -m fleet.keys "$${SECRETS_DIR:-secrets}"

.PHONY: change-key
change-key: install ## Have a service sign with its other key: make change-key NAME=order (SECRETS_DIR)
	@$(IN_VENV) -m fleet.keys "$${SECRETS_DIR:-secrets}" --change $(or $(NAME),$(error Whose? NAME=order))

.PHONY: retire-key
retire-key: install ## Have nobody believe its old key any more: make retire-key NAME=order (SECRETS_DIR)
	@$(IN_VENV) -m fleet.keys "$${SECRETS_DIR:-secrets}" --retire $(or $(NAME),$(error Whose? NAME=order))

.PHONY: fuzz
fuzz: install-dev ## Generated requests against every service: make fuzz REQUESTS=100000 SERVICE=cart SEED=1
	@$(IN_VENV) -m tests.fuzz $(if $(REQUESTS),--requests $(REQUESTS)) \
	  $(if $(SERVICE),--service $(SERVICE)) $(if $(SEED),--seed $(SEED))

.PHONY: schemathesis
schemathesis: install-dev ## All checks of Schemathesis against all ten; what it may report stands in docs/schemathesis.md
	@$(IN_VENV) -m tests.fuzz.by_schemathesis $(if $(EXAMPLES),--examples $(EXAMPLES)) \
	  $(if $(SERVICE),--service $(SERVICE)) $(if $(SEED),--seed $(SEED))

.PHONY: audit-deps
audit-deps: $(VENV)/.installed-supply ## Does any locked package have a known vulnerability? (asks the index's advisories)
	@$(IN_VENV) -m supply.vulnerabilities

SBOM ?= sbom.cdx.json
.PHONY: sbom
sbom: $(VENV)/.installed-supply ## List all that the fleet is made of, as CycloneDX, and check that list (SBOM=file)
	@$(VENV)/bin/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml \
	  --sv 1.6 --of JSON --output-reproducible --validate -o "$(SBOM)"
	@SBOM="$(abspath $(SBOM))" $(IN_VENV) -m pytest -q tests/supply

##@ Help

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
