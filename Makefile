# Everything a developer types. A machine needs git, make and Python 3.11 with venv, nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
STAMP := $(VENV)/.installed
CODE := config orgs billing terminals notifications tests $(wildcard bench) docs/examples manage.py
# Mail programs know no style sheets: theirs are inline.
MAIL_TEMPLATES := templates/(auth/)?mail/.*
ALL_TEMPLATES = find templates -name '*.html' -print0 |
COVERED := */services/*,*/drivers/*
COVERAGE_FLOOR := 95
# One more than there are processors: browsers and started processes are mostly waited for.
TEST_WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n > 7 ? 8 : n + 1)))
BROWSER = $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
ARGS ?=

.PHONY: help install demo run test converge quotes crashes counter simulate browser stripe-cli check lint types models format bench lock clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

install: $(STAMP)  ## make .venv with the pinned dependencies

$(STAMP): requirements/base.txt requirements/dev.txt
	@test -n "$(PYTHON)" && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: apt install python3 python3-venv, or PYTHON=/path/to/python make …"; exit 1; }
	@test -x $(PY) || { echo "Making $(VENV)…"; "$(PYTHON)" -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "Python's venv module is missing: apt install python3-venv"; exit 1; }; }
	@printf 'Installing the pinned dependencies '
	@$(PY) -m pip install --disable-pip-version-check --no-input --require-hashes -r requirements/dev.txt \
		| awk '/^(Collecting|Requirement already)/ { if (++n % 4 == 0) { printf "."; fflush() } } /^Installing/ { printf " unpacking"; fflush() }'
	@echo ' done.'
	@touch $@

demo: install  ## the whole system on http://127.0.0.1:8000 (PORT), state in var/demo (TILL_STATE_DIR)
	@exec $(PY) -m config.demo

run: install  ## the same for development: reloads changed code, state in var/dev
	@exec $(PY) -m config.demo --develop

# pytest's workers are measured too: each writes a file of its own (patch in pyproject.toml).
test: install browser  ## all tests; fails when services or drivers are covered below 95 %
	@rm -f .coverage .coverage.*
	@options=(-n $(TEST_WORKERS) --dist loadgroup $(ARGS)); \
	if [ -z "$(BROWSER)" ]; then options+=(--ignore=tests/browser); fi; \
	$(PY) -m coverage run -m pytest "$${options[@]}"
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report --include='$(COVERED)' --fail-under=$(COVERAGE_FLOOR)
	@if [ -z "$(BROWSER)" ]; then $(NO_BROWSER); fi

converge: install  ## 10 000 random orders of recorded provider events: all have to end in the same rows
	@exec $(PY) -m tests.journeys.convergence $(ARGS)

quotes: install  ## 1 000 random changes of subscriptions: all have to be charged as quoted
	@TILL_ORGANIZATIONS=20 TILL_CHANGES=50 exec $(PY) -m pytest -q -n $(TEST_WORKERS) tests/journeys/test_random_changes.py $(ARGS)

simulate: install  ## 24 virtual months of 200 tenants of all providers, reckoned a second time
	@exec $(PY) -m tests.journeys.simulate $(ARGS)

crashes: install  ## 5 000 runs in which processes die and networks fail, and 50 killed workers: nobody pays twice
	@exec $(PY) -m tests.journeys.crashes $(ARGS)

counter: install  ## 2 000 payments in person with cut lines, dead processes and tills: no basket is paid twice
	@exec $(PY) -m tests.journeys.counter $(ARGS)

NO_BROWSER = echo '!!! BROWSER TESTS LEFT OUT: there is no Chromium. Install it (apt install chromium) and run again. !!!' >&2

browser:
	@if [ -z "$(BROWSER)" ]; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo 'Installing Chromium for the browser tests…'; \
			{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium; } \
				>/tmp/till-chromium.log 2>&1 || { tail -5 /tmp/till-chromium.log >&2; $(NO_BROWSER); }; \
		else $(NO_BROWSER); fi; \
	fi

# Nothing here needs a database; naming ones that do not exist keeps the services from starting.
check lint types models: export TILL_ENV := test
check lint types models: export DATABASE_URL := postgresql://nobody@127.0.0.1:1/none
check lint types models: export REDIS_URL := redis://127.0.0.1:1/0

check: lint types models  ## lint, format, types, import contracts, templates, migrations, system checks

lint: install
	@$(PY) -m ruff check --quiet $(CODE)
	@$(PY) -m ruff format --check --quiet $(CODE) || { echo 'Run make format.'; exit 1; }
	@$(BIN)/lint-imports --no-cache
	@$(ALL_TEMPLATES) xargs -0 -r $(BIN)/djade --check --target-version 5.2
	@$(ALL_TEMPLATES) xargs -0 -r $(BIN)/djhtml --check --tabwidth 2
	@$(ALL_TEMPLATES) xargs -0 -r $(BIN)/djlint --lint --quiet --profile django \
		--per-file-ignores '$(MAIL_TEMPLATES)' H021

types: install
	@$(PY) -m mypy --no-error-summary $(CODE)

models: install
	@$(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	@$(PY) manage.py check

format: install  ## rewrite code and templates in the house's style
	@$(PY) -m ruff check --quiet --fix $(CODE) || true
	@$(PY) -m ruff format --quiet $(CODE)
	@$(ALL_TEMPLATES) xargs -0 -r $(BIN)/djade --target-version 5.2 || true
	@$(ALL_TEMPLATES) xargs -0 -r $(BIN)/djhtml --tabwidth 2 || true

bench: install  ## our figures against baselines, in one run
	@exec $(PY) -m bench $(ARGS)

stripe-cli: install  ## Stripe's own command line against our simulator of it (npm installs it into var/)
	@$(PY) -m tests.simulators.stripe_cli $(ARGS)

lock: install  ## pin requirements/*.in anew
	@test -x $(BIN)/uv || $(PY) -m pip install --quiet --disable-pip-version-check uv
	@cd requirements/.. && for set in base dev; do \
		sources=requirements/$$set.in; \
		if [ $$set = dev ]; then sources="requirements/base.in requirements/dev.in"; fi; \
		$(BIN)/uv pip compile -q --no-emit-index-url --generate-hashes --python-version 3.11 --universal \
			--upgrade $$sources -o requirements/$$set.txt; \
	done

clean:  ## remove what tests and checks leave; the demo's state stays
	@rm -rf .coverage .coverage.* htmlcov .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis var/test
