# Every target that needs the environment builds it first, from requirements.lock.
SHELL := bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help setup demo test prove lint format serve notebooks bench docs lock clean

help: ## Show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(READY) ## Make .venv with the pinned dependencies and the holdfast command

# Anew where what is pinned has changed.
$(INSTALLED): requirements.lock
	@$(REFUSE_LINK)
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v[:2] <= (3, 13) else f"holdfast needs Python 3.11 to 3.13, not {v[0]}.{v[1]}; try: make setup PYTHON=python3.12")'
	@echo "Setting up $(VENV) with the packages of requirements.lock: about 3 minutes on two cores with a fast network, and 2 GB of disk."
	@$(PYTHON) -m venv --clear $(VENV)
	@set -o pipefail; $(PIP) install --progress-bar off --require-hashes --requirement requirements.lock 2>&1 | $(SHOW_PROGRESS)
	@touch $(INSTALLED)

# The command alone where only its own metadata have changed.
$(READY): $(INSTALLED) pyproject.toml
	@$(REFUSE_LINK)
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $(READY)
	@echo "$(VENV) is ready: $(BIN)/holdfast --help"

# Behind a link stands the environment of another checkout, which would be cleared or pointed here.
define REFUSE_LINK
test ! -L $(VENV) || { echo "$(VENV) is a symbolic link, and setup would change the environment behind it; remove the link (rm $(VENV)), then try again" >&2; exit 1; }
endef

# What pip says in short: a line that counts up on a terminal, every fiftieth package in a log, and all of an error.
define SHOW_PROGRESS
awk -v terminal=$$(test -t 2 && echo 1 || echo 0) -v all=$$(grep -c == requirements.lock) \
	'function show(text) { printf "  %-72s%s", text, terminal ? "\r" : "\n"; fflush() } \
	/^(Collecting|Processing) / { if (++n % (terminal ? 1 : 50) == 0) show(n " of " all " packages fetched") } \
	/^Installing collected/ { show(n " packages fetched; installing them takes as long again") } \
	/^WARNING: Retrying/ { print > "/dev/stderr" } \
	/^ERROR/ { failed = 1 } \
	failed { print > "/dev/stderr" } \
	END { if (terminal) print "" }'
endef

demo: $(READY) ## A simulated operator from raw tables to scores, status and three answers of a service
	$(BIN)/holdfast demo --home var/demo

# Tests start some hundred processes, which compile every module again where no bytecode is kept.
test prove: export PYTHONDONTWRITEBYTECODE =

# A worker more than the cores of a small machine, because tests wait for services and processes.
test: $(READY) ## All tests
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

prove: $(READY) ## The long proofs: ten times the kills, shuffles and draws of `make test`
	$(BIN)/python -m pytest --prove -m proof --timeout 3600

lint: $(READY) ## Style, types and import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Rewrite the code in the house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

serve: $(READY) ## Serve the demo's operator on port 3000
	$(BIN)/holdfast serve --home var/demo

notebooks: $(READY) ## Run the notebooks as they stand
	$(BIN)/jupyter execute notebooks/*.ipynb

bench: $(READY) ## Quality and speed, both sides in one run
	$(BIN)/python -m benchmarks.quality
	$(BIN)/python -m benchmarks.models.fitting
	$(BIN)/python -m benchmarks.training.cost 12000 100000 --stretch 10
	$(BIN)/python -m benchmarks.training.sample
	$(BIN)/python -m benchmarks.training.parameters
	$(BIN)/python -m benchmarks.models.explanation
	$(BIN)/python -m benchmarks.models.one_row
	$(BIN)/python -m benchmarks.models.evaluation
	$(BIN)/python -m benchmarks.models.coverage
	$(BIN)/python -m benchmarks.models.gate
	$(BIN)/python -m benchmarks.models.calibration.cross_fitting
	$(BIN)/python -m benchmarks.models.level
	$(BIN)/python -m benchmarks.maturity
	$(BIN)/python -m benchmarks.models.dissatisfaction
	$(BIN)/python -m benchmarks.models.reminder
	$(BIN)/python -m benchmarks.models.uplift
	$(BIN)/python -m benchmarks.models.uplift_verdicts
	$(BIN)/python -m benchmarks.models.reasons
	$(BIN)/python -m benchmarks.serving
	$(BIN)/python -m benchmarks.serving.disturbed
	$(BIN)/python -m benchmarks.serving.score_feed
	$(BIN)/python -m benchmarks.serving.metrics_cost
	$(BIN)/python -m benchmarks.access
	$(BIN)/python -m benchmarks.simulator
	$(BIN)/python -m benchmarks.equilibrium
	$(BIN)/python -m benchmarks.care.policy
	$(BIN)/python -m benchmarks.care.planning
	$(BIN)/python -m benchmarks.care.coverage
	$(BIN)/python -m benchmarks.care.own_care
	$(BIN)/python -m benchmarks.care.outbox --postgres
	$(BIN)/python -m benchmarks.models.flat_table
	$(BIN)/python -m benchmarks.features.table_reading
	$(BIN)/python -m benchmarks.features.daily_usage
	$(BIN)/python -m benchmarks.features.operators_tables
	$(BIN)/python -m benchmarks.features.sources
	$(BIN)/python -m benchmarks.tables.cases
	$(BIN)/python -m benchmarks.tables.rewritten
	$(BIN)/python -m benchmarks.tables.quickstart_time
	$(BIN)/python -m benchmarks.features.build
	$(BIN)/python -m benchmarks.features.build_pandas
	$(BIN)/python -m benchmarks.features.night
	$(BIN)/python -m benchmarks.features.online_store
	$(BIN)/python -m benchmarks.features.live_events
	$(BIN)/python -m benchmarks.features.nights
	$(BIN)/python -m benchmarks.night_faults
	$(BIN)/python -m benchmarks.night_at_scale
	$(BIN)/python -m benchmarks.models.threads
	$(BIN)/python -m benchmarks.startup

lock: ## Resolve all lock files anew, with the environment that is there
	$(BIN)/uv pip compile pyproject.toml --quiet --extra dev --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --quiet --extra scale --constraint requirements.lock --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --output-file requirements-scale.lock
	$(BIN)/uv pip compile pyproject.toml --quiet --extra bench --constraint requirements.lock --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --output-file requirements-bench.lock

docs: $(READY) ## Write the generated references, and words in Traditional Chinese, anew
	$(BIN)/python -m commands.reference
	$(BIN)/python -m models.words.traditional
	$(BIN)/python -m reports.words.extract

clean: ## Remove the environment, the demo and all caches; models of your own stay
	rm -rf $(VENV) var/demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
