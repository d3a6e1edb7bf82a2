# The commands of the house. `make help` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
MEMBERS := chassis services/intake services/validation services/archive services/notification kansli
SLOW := rabbitmq or postgresql or postfix or dovecot or java or browser or spamassassin or node or promtool or slow
SOURCES := $(foreach member,$(MEMBERS),$(member)/src)

.PHONY: help setup run check lint quick test journeys faults bench letters documents lock

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

.venv/.complete: requirements-dev.txt $(foreach member,$(MEMBERS),$(member)/pyproject.toml)
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Kansli needs Python 3.11 or newer.")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(foreach member,$(MEMBERS),--editable ./$(member))
	touch $@

setup: .venv/.complete ## .venv with everything; quick when nothing changed

run: setup ## the whole house in one process, with an example municipality, until Ctrl-C
	$(BIN)/kansli up --example

check: lint quick ## lint, and the tests that need no server

lint: setup ## format, lint, types, import contracts, the example and the forms
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(SOURCES) tests bench
	$(BIN)/lint-imports
	$(BIN)/kansli check

quick: setup ## the tests that need no server, on all cores
	$(BIN)/pytest -q --numprocesses auto --dist worksteal -m "not ($(SLOW))"

test: setup ## every test, with real servers (installs what is missing, as root on Debian)
	tests/support/install-servers.sh
	$(MAKE) quick
	$(BIN)/pytest -m "$(SLOW)"

journeys: setup ## the road from post to mail, embedded and with real servers
	$(BIN)/pytest tests/journeys

faults: setup ## kill, cut and fill: what must hold when things break
	$(BIN)/pytest tests/faults

bench/.venv/.complete: bench/requirements.txt
	$(PYTHON) -m venv bench/.venv
	bench/.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@

bench: setup bench/.venv/.complete ## how fast the house is, beside its peers (BENCH="--quick" or "--only a,c")
	tests/support/install-servers.sh
	PYTHONPATH=$(CURDIR):$(CURDIR)/tests $(BIN)/python -m bench $(BENCH)

letters: setup ## the gallery of letters in docs/ anew (needs Chromium)
	PYTHONPATH=tests $(BIN)/python -m support.letter_pictures

documents: setup ## what is made of the code, anew: events' schemas, OpenAPI, AsyncAPI, the settings
	$(BIN)/python -m kansli.event_schemas --write
	$(BIN)/python -m kansli.asyncapi --write
	$(BIN)/python -m kansli.openapi_documents --write
	$(BIN)/python -m kansli.settings_reference --write

lock: setup ## make the lock files anew (needs uv)
	bin/lock
