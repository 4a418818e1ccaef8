# One word per chore. Every target sets up what it needs, into .venv, from nothing but Python, make and a C toolchain.
PYTHON ?= python3
BIN    := .venv/bin
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help serve test check format lock clean

help:  ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

serve: .venv/ready  ## run it on this machine; arguments: make serve ARGS="--port 9000 --data DIR"
	@exec $(BIN)/realtime-switch serve $(ARGS)

test: check  ## everything a change must pass: lint, types, layers, tests
	$(BIN)/python -m pytest $(ARGS)

check: .venv/ready  ## ruff, mypy and import-linter, without the tests
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: .venv/ready  ## let ruff lay out the code
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

lock:  ## choose new versions of everything: writes constraints.txt (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras --generate-hashes \
	  --no-emit-index-url --no-annotate --custom-compile-command "make lock" --quiet -o constraints.txt

clean:  ## throw away .venv and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Everything is pinned with hashes, the build backend too, so the install can neither drift nor reach for more.
.venv/ready: constraints.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Realtime Switch needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
