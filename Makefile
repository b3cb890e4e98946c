# Q-Save Studio. `make help` lists what there is.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
HOST ?= 127.0.0.1
PORT ?= 8000
# pip is the installer: some of its settings (find-links, extra indexes) are how a machine without the internet serves torch.
PIP := $(PY) -m pip install --disable-pip-version-check --quiet --progress-bar=off
RUN_STAMP := $(VENV)/.run-packages
DEV_STAMP := $(VENV)/.dev-packages
.DEFAULT_GOAL := help
.PHONY: help run needs test test-long test-loaders check check-front format loop bench pictures lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(RUN_STAMP) ## start the site with the demo campaign: web and worker, Ctrl-C ends both
	@exec $(PY) manage.py up --host $(HOST) --port $(PORT)

test: needs check ## the whole suite: SQLite with the file broker, then PostgreSQL with Redis; browser tests in Chromium
	@$(PY) -m tests.support.suite

test-long: $(DEV_STAMP) ## the slow tests: the loop, kills, fuzz, outside loaders (before an issue is called resolved)
	@$(PY) -m tests.support.suite --long

LOADERS := datasets trl llama-factory ms-swift verl

test-loaders: $(DEV_STAMP) $(LOADERS:%=.loaders/%/.packages) ## the loaders of other projects on the presets of a release, each in an environment of its own (7 GB)
	@$(PY) -m tests.loaders

# Without dependencies: the lists are complete, and leave out torchvision and torchaudio, which have no CPU build for this torch.
.loaders/%/.packages: requirements/loaders/%.txt
	@echo "Making .loaders/$* ..."
	@$(PYTHON) -m venv --clear .loaders/$*
	@.loaders/$*/bin/python -m pip install --disable-pip-version-check --quiet --progress-bar=off --no-deps -r $<
	@touch $@

needs: $(DEV_STAMP)
	@$(PY) -m tests.support.needs

check: $(DEV_STAMP) ## format, lint, types, import contracts, migrations
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/lint-imports --no-logo
	@$(PY) -m mypy .  # as a module: a script would find the `datasets` of site-packages first
	@$(PY) manage.py makemigrations --check --dry-run
	@$(MAKE) --no-print-directory check-front

check-front: $(DEV_STAMP) ## the part of `check` for the browser: format of templates, lint and types of JavaScript
	@$(VENV)/bin/djangofmt --quiet --check templates || { echo "Format the templates: make format"; exit 1; }
	@$(PY) -m tests.support.javascript

format: $(DEV_STAMP) ## format Python and templates
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/djangofmt --quiet templates

loop: $(RUN_STAMP) ## the whole loop headless: render, rate (simulated), agree, release, train, evaluate, draft
	@$(PY) manage.py loop

bench: $(DEV_STAMP) ## measure this machine, each figure with the one to compare it with; PART=desk, PART=detectors or another part measures it alone
	@$(PY) -m tests.bench $(PART)

pictures: $(DEV_STAMP) ## take the pictures in docs/images again: Chromium, the demo in a temporary folder
	@$(PY) -m tests.pictures

lock: $(DEV_STAMP) ## make requirements/*.txt again from the *.in files
	@$(PY) requirements/lock.py

clean: ## remove the virtual environment and the caches; data in var/ stays
	rm -rf $(VENV) node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Q-Save Studio needs Python 3.11 or newer as $(PYTHON); name another with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && { echo "Installing Debian's python3-venv ..."; apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null; }; } \
	  || { echo "Python's venv module is missing. On Debian or Ubuntu: sudo apt-get install python3-venv; then run make again."; exit 1; }
	@echo "Making $(VENV) (once; some minutes) ..."
	@$(PYTHON) -m venv --clear $(VENV)

$(RUN_STAMP): requirements/run.txt | $(VENV)/bin/pip
	@$(PIP) -r requirements/run.txt
	@touch $@

$(DEV_STAMP): requirements/dev.txt $(RUN_STAMP)
	@$(PIP) -r requirements/run.txt -r requirements/dev.txt
	@touch $@
