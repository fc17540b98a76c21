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
.PHONY: help lock

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(UV_LOCAL):
	@python3 -m venv .uv 2>/dev/null && .uv/bin/python -m pip install -q "uv==$(UV_PIN)" \
	 || { rm -rf .uv; python3 -m pip install -q --no-warn-script-location --target .uv "uv==$(UV_PIN)"; } \
	 || { echo "python3 needs venv or pip (Debian: apt install python3-venv)"; exit 1; }

# a real interpreter path: a bare pyenv shim exits 127
$(PY): | $(filter $(UV_LOCAL),$(UV))
	@p=; for c in $$(ls -d $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$(PYVER)*/bin/python$(PYVER) 2>/dev/null | sort -rV) $$(command -v python$(PYVER)); do \
	   if "$$c" -c 'import sqlite3,ssl' >/dev/null 2>&1; then p=$$c; break; fi; done; \
	 $(UV) venv -q --no-project -p "$${p:-$(PYVER)}" $(VENV)

$(VENV)/.demo: requirements.txt | $(PY)
	@$(UV) pip sync -q --require-hashes --no-build -p $(PY) requirements.txt && touch $@ && rm -f $(VENV)/.dev
$(VENV)/.dev: requirements.txt requirements-dev.txt | $(PY)
	@$(UV) pip sync -q --require-hashes --no-build -p $(PY) requirements-dev.txt && touch $@ $(VENV)/.demo

COMPILE = $(UV) pip compile -q $(LOCKARGS) --generate-hashes --no-emit-index-url --custom-compile-command "make lock"
lock: | $(PY) ## re-resolve the requirements; LOCKARGS=-U upgrades them
	$(COMPILE) --universal --python-version $(PYVER) pyproject.toml -o requirements.txt
	$(COMPILE) --universal --python-version $(PYVER) --group test --group lint -c requirements.txt pyproject.toml -o requirements-dev.txt
	@! grep -nE '://|index-url|find-links' requirements*.txt
