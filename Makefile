# Two commands to begin with: `make zoom` (the core only) and `make test` (everything).
# Each sets up what it needs in .venv; PYTHON names the interpreter, PIP_FLAGS goes to pip.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt $(PIP_FLAGS)
INPUTS := pyproject.toml constraints.txt
# Rewriting the asserts anew would be a third of the time in which tests are collected.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

.PHONY: help zoom test quick nightly fuzz check format env-arm64 env-arm test-arm merged docs site web serve-web clean

help: ## List the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# Torch comes first: packages that only ask for some torch then take the one that is there.
$(VENV)/.core: $(BIN)/python $(INPUTS)
	$(PIP) "torch>=2.13,<2.15"
	$(PIP) --editable '.[examples]'
	@touch $@

$(VENV)/.all: $(VENV)/.core
	$(PIP) --editable '.[all,coreai,qualcomm,ray,dev,site]'
	@touch $@

$(VENV)/.site: $(VENV)/.core
	$(PIP) --editable '.[site]'
	@touch $@

zoom: $(VENV)/.core ## Simulate a burst of a photograph, zoom it x2, write out/zoom.png and out/comparison.png
	$(BIN)/edge-sdk demo --output out

test: $(VENV)/.all ## Run the full tier of the tests, all but the nightly ones
	$(PYTEST)

quick: $(VENV)/.all ## Run the tests that people run while they work, with fewer drawn examples
	$(PYTEST) -m "not slow and not nightly" --hypothesis-profile quick --cpu-limit 2

nightly: $(VENV)/.all ## Run every test there is, with four times the drawn examples
	$(PYTEST) -m "" --hypothesis-profile nightly

fuzz: $(VENV)/.all ## Try mutants of bundles on the reader (MUTANTS=10000)
	$(BIN)/python -m tests.bundle.fuzzing --mutants $(or $(MUTANTS),10000)

check: $(VENV)/.all ## Lint, formatting, strict types and the order of packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.all ## Format the code and mend what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

env-arm64: $(VENV)/.all ## Set up an emulated ARM core in the user's cache, for verify --cpu arm64
	$(BIN)/python -m edge_sdk.emulate.arm64.setting_up

# Arm's compiler pins older packages than others need, so that it has an environment of its own.
.venv-arm/.all: pyproject.toml
	$(PYTHON) -m venv .venv-arm
	.venv-arm/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) "torch>=2.13,<2.15"
	.venv-arm/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) --editable '.[ethos,examples]' pytest hypothesis
	@touch $@

env-arm: .venv-arm/.all ## Set up target ethos-u85 in an environment of its own, .venv-arm

test-arm: .venv-arm/.all ## Test that target there
	.venv-arm/bin/python -m pytest -m ethos tests/converters/test_ethos.py

merged: $(VENV)/.core ## Merge and prove the shipped models anew, after their weights changed
	$(BIN)/python -m edge_sdk.zoo.fused_form_writing

docs: $(VENV)/.core ## Draw the pictures of the README and the pages that need no data anew
	$(BIN)/edge-sdk demo --output out
	cp out/comparison.png docs/images/comparison.png
	$(BIN)/python benchmarks/burst_gain.py --table docs/measurements/burst-gain.md
	$(BIN)/python benchmarks/burst_cost.py --table docs/measurements/burst-cost.md
	$(BIN)/python benchmarks/reparam.py --table docs/measurements/reparam-cost.md

# The page that zooms in a browser. Packing proves each bundle, which takes a minute or two once.
WEB := web_demo/app
BUNDLES := $(patsubst %,$(WEB)/public/bundles/%.zip,burst_zoom_x2 sr_x2_rgb sr_x4_y denoise_rgb)

$(BUNDLES): $(WEB)/public/bundles/%.zip: $(wildcard edge_sdk/bundle/*.py edge_sdk/zoo/*/*.safetensors) | $(VENV)/.all
	@mkdir -p $(@D)
	$(BIN)/edge-sdk pack $* --for web --output $@

$(WEB)/public/sample/index.json: $(BUNDLES) $(WEB)/assets.py
	$(BIN)/python $(WEB)/assets.py $(WEB)/public

web_demo/node_modules/.package-lock.json: web_demo/package-lock.json
	cd web_demo && npm ci

web: $(WEB)/public/sample/index.json web_demo/node_modules/.package-lock.json ## Build the page that zooms bursts in a browser, web_demo/app/dist
	cd web_demo && npm run build --workspaces

serve-web: web ## Serve that page on this machine, and say where
	cd $(WEB) && npx vite preview

# Chromium of the system runs the tests that need a browser. What Python makes of the same bursts
# takes minutes, and is kept.
CHROMIUM ?= /usr/bin/chromium
WEB_CACHE := web_demo/.cache

$(WEB_CACHE)/burst.json: web_demo/driver/tests/references.py $(wildcard edge_sdk/bundle/*.py) \
		$(wildcard edge_sdk/zoo/*/*.safetensors) $(BUNDLES) | $(VENV)/.all
	rm -rf $(WEB_CACHE)
	mkdir -p $(WEB_CACHE)
	cp $(WEB)/public/bundles/burst_zoom_x2.zip $(WEB)/public/bundles/denoise_rgb.zip $(WEB_CACHE)
	$(BIN)/python web_demo/driver/tests/references.py $(WEB_CACHE)

.PHONY: test-web
test-web: web $(WEB_CACHE)/burst.json ## Check and test what runs in a browser, in Node and in Chromium
	@test -x $(CHROMIUM) || { echo "$(CHROMIUM) is missing: apt-get install chromium, or make CHROMIUM=PATH"; exit 1; }
	cd web_demo && npm run check
	cd web_demo && npm run test --workspaces --if-present
	cd web_demo && CHROMIUM=$(CHROMIUM) npm run test:browser --workspaces --if-present

# Ten frames of 1.2 megapixels take a few minutes; on a busy machine all of it means little.
SIZE ?= 1280x960
FRAMES ?= 10
TABLE ?= docs/measurements/browser.md

.PHONY: bench-web
bench-web: web $(WEB_CACHE)/burst.json ## Measure burst zoom in a browser, beside native LiteRT (SIZE, FRAMES, TABLE)
	@test -x $(CHROMIUM) || { echo "$(CHROMIUM) is missing: apt-get install chromium, or make CHROMIUM=PATH"; exit 1; }
	$(BIN)/python web_demo/bench/burst.py $(WEB_CACHE) --size $(SIZE) --frames $(FRAMES)
	cd web_demo && npm run page --workspace driver
	cd web_demo && CHROMIUM=$(CHROMIUM) TABLE=$(abspath $(TABLE)) npx vitest run --config bench/vitest.config.ts

site: $(VENV)/.site ## Build the documentation as a site, build/site/index.html; a dead link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean: ## Remove what the commands made
	rm -rf $(WEB_CACHE) web_demo/node_modules web_demo/*/dist
	rm -rf $(WEB)/public/bundles $(WEB)/public/sample $(WEB)/.truth
	rm -rf $(VENV) out build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
