# Every target needs only Python 3.11, 3.12 or 3.13 (test-dbt-next: also 3.14) and make: it first installs what it needs, from the
# hashed locks, into .venv, with uv if it is on the PATH (`UV=` ignores it).
#   PYTHON=python3.12 make test    another Python       JOBS=4 make test    more test processes

VENV ?= .venv
# What `test-dbt-next` changes: the development group's lock, how it is installed, the Pythons that it allows.
DEV_LOCK := requirements-dev.txt
LOCKED := --require-hashes
PYTHONS := 3.13 3.12 3.11
JOBS ?= 2
UV ?= $(shell command -v uv 2>/dev/null)
BIN := $(VENV)/bin
comma := ,
space := $(subst ,, )

export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Where the environment sets it, each of the tests' many processes would compile dbt again, two seconds each.
unexport PYTHONDONTWRITEBYTECODE

# Installs one lock's packages, every one checked against its hash, then this project without touching them.
ifeq ($(UV),)
  install = $(BIN)/python -m pip install -qq $(LOCKED) -r $(1) && \
    $(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e . && touch $@
else
  install = "$(UV)" pip install --quiet --python $(BIN)/python $(LOCKED) -r $(1) && \
    "$(UV)" pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . && touch $@
endif

# Without this project's own packages: clients of DuckDB 1, for the tests that they open what is built and published.
CLIENT := $(VENV)/client
ifeq ($(UV),)
  install_client = $(CLIENT)/bin/python -m pip install -qq --require-hashes -r requirements-client.txt && touch $@
else
  install_client = "$(UV)" pip install --quiet --python $(CLIENT)/bin/python --require-hashes -r requirements-client.txt && touch $@
endif
pytest = env -u CDR_DATABASE -u CDR_TARGET DUCKDB_1_PYTHON="$(CURDIR)/$(CLIENT)/bin/python" $(BIN)/pytest

# A dbt command line on a throw-away database: lint and docs never open the user's.
scratch = env -u CDR_TARGET CDR_DATABASE="$(CURDIR)/target/scratch/scratch.duckdb" \
  $(BIN)/dbt --quiet $(1) --project-dir . --profiles-dir profiles --target ci --target-path target/scratch

.DEFAULT_GOAL := help
.PHONY: help demo metrics test test-dbt-next test-spark test-metrics mutants soak soak-spark lint format docs generated ranges dist release-check release-database bench lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

# --- environments -----------------------------------------------------------------------------------------------

$(BIN)/python:
	@found=; old=; bare=; \
	for p in $${PYTHON:-python3 $(addprefix python,$(PYTHONS)) python}; do \
	  v=$$("$$p" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
	  case " $(PYTHONS) " in *" $$v "*) ;; *) old="$$old $$v"; continue ;; esac; \
	  "$$p" -c 'import ensurepip, venv' 2>/dev/null || { bare=$$v; continue; }; \
	  found=$$p; break; \
	done; \
	if [ -z "$$found" ] && [ -n "$$bare" ]; then \
	  echo "make: Python $$bare is here without its venv module; install it (Debian, Ubuntu: apt install python$$bare-venv)" >&2; exit 2; \
	elif [ -z "$$found" ]; then \
	  echo "make: needs one of Python $(PYTHONS), found:$${old:- none}; install one, or name one: make PYTHON=/path/to/python3.13" >&2; \
	  case "$$old" in *3.1[4-9]*) echo "make: dbt-core 1.11 does not start on Python 3.14; dbt-core 1.12 does: make test-dbt-next" >&2 ;; esac; exit 2; \
	fi; \
	"$$found" -m venv --clear "$(VENV)"

$(VENV)/.core: requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV)"
	@$(call install,requirements.txt)

$(VENV)/.dev: $(DEV_LOCK) pyproject.toml | $(BIN)/python
	@echo "Installing the development group into $(VENV)"
	@$(call install,$(DEV_LOCK))

$(VENV)/.report: requirements-report.txt pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV)"
	@$(call install,requirements-report.txt)

$(VENV)/.metrics: requirements-metrics.txt pyproject.toml | $(BIN)/python
	@echo "Installing the metrics group into $(VENV)"
	@$(call install,requirements-metrics.txt)

$(VENV)/.spark: requirements-spark.txt $(VENV)/.dev
	@echo "Installing the spark group into $(VENV)"
	@$(call install,requirements-spark.txt)

$(VENV)/.bench: requirements-bench.txt $(VENV)/.dev
	@echo "Installing the bench group into $(VENV)"
	@$(call install,requirements-bench.txt)

$(CLIENT)/.installed: requirements-client.txt | $(BIN)/python
	@$(BIN)/python -m venv --clear $(CLIENT) && $(install_client)

# --- use --------------------------------------------------------------------------------------------------------

define ANSWER
select
    coalesce(countries.country_name, costs.destination_country, 'not known') as country,
    costs.currency,
    cast(sum(costs.calls) as bigint) as calls,
    round(sum(costs.amount), 2) as amount,
    round(60 * sum(costs.charged_amount) / nullif(sum(costs.charged_seconds), 0), 4) as rate_per_minute
from marts.mart_cost_daily as costs
left join marts.dim_countries as countries on costs.destination_country = countries.country_code
where costs.currency is not null
group by costs.destination_country, country, costs.currency
order by sum(costs.amount_reporting) desc nulls last
limit 12
endef
export ANSWER

# Paths of deliveries in the database that are not the demo's.
define OTHERS
import duckdb, os, pathlib, sys
database = os.environ.get("CDR_DATABASE") or "cdr.duckdb"
if os.path.exists(database):
    with duckdb.connect(database, read_only=True) as db:
        paths = [path for (path,) in db.execute("select path from raw_sinch.files").fetchall()]
    inbox = str(pathlib.Path(".demo").resolve()) + "/"
    others = [path for path in paths if not path.startswith(inbox)]
    if others:
        sys.exit(f"make: {database} holds {len(others)} deliveries that are not the demo's; set CDR_DATABASE to another file")
endef
export OTHERS

demo: $(VENV)/.report ## write a fortnight of synthetic deliveries, run the daily job on them, print an answer, write a page
	@$(BIN)/python -c "$$OTHERS"
	@rm -rf .demo
	@$(BIN)/cdr synth .demo --days 14 --calls-per-day 5000 --seed 14 --planted -q
	@echo "Staging 14 days of deliveries, then building and testing the tables (a minute)"
	@CDR_RATE_CARD=.demo/seeds/rate_card.csv CDR_INVOICES=.demo/seeds/invoices.csv $(BIN)/cdr run .demo
	@echo
	@echo "Cost per destination country over the fortnight ($${CDR_DATABASE:-cdr.duckdb}, marts.mart_cost_daily):"
	@$(BIN)/python -c 'import duckdb, os; \
	  db = duckdb.connect(os.environ.get("CDR_DATABASE") or "cdr.duckdb", read_only=True); \
	  db.sql(os.environ["ANSWER"]).show()'
	@$(BIN)/cdr report .demo/report.html -q && echo "A page to look at: .demo/report.html"

# `mf` asks the package index at every call whether there is a newer one, and has no setting against it: here it asks a
# proxy that is not there. The names of the tables are in the manifest that `dbt parse` writes.
mf = env -u CDR_TARGET https_proxy=http://127.0.0.1:9 no_proxy= DBT_PROFILES_DIR=profiles $(1)

define LAST_WEEK
{{ Entity('country') }} is not null
and {{ TimeDimension('metric_time', 'day') }} > (select max(report_date) - 7 from marts.mart_quality_daily)
endef
export LAST_WEEK

# Rows in the order of what they are grouped by, unless ARGS has an order.
ORDER = $(if $(findstring --order,$(ARGS)),,$(patsubst --group-by=%,--order %,$(filter --group-by=%,$(subst --group-by$(space),--group-by=,$(ARGS)))))

metrics: $(VENV)/.metrics ## ASR by country in the last week of CDR_DATABASE, or ARGS="--metrics amount --group-by currency"
	@[ -f "$${CDR_DATABASE:-cdr.duckdb}" ] || { echo "make: no database $${CDR_DATABASE:-cdr.duckdb}; run make demo first" >&2; exit 2; }
	@$(call mf,$(BIN)/dbt --quiet parse)
	@$(call mf,$(BIN)/mf) query --quiet $(if $(ARGS),$(ARGS) $(ORDER),--metrics bids$(comma)asr --group-by country__country_name \
	  --where "$$LAST_WEEK" --order -bids --limit 10)

# --- checks -----------------------------------------------------------------------------------------------------

test: $(VENV)/.dev $(CLIENT)/.installed ## every test but the soak, Spark and metrics ones; ARGS="-k name" runs some
	$(pytest) -n $(JOBS) --dist worksteal $(ARGS)

# dbt-core 1.12 wants dbt-core-experimental-parser, which downloads a program while it is installed and which nothing
# here uses. Its lock leaves it out, so that an installer must not look for what is missing.
test-dbt-next: ## the same tests with the newest supported dbt (requirements-dbt-next.txt), in .venv/dbt-next
	@$(MAKE) test VENV=$(VENV)/dbt-next DEV_LOCK=requirements-dbt-next.txt LOCKED="--require-hashes --no-deps" \
	  PYTHONS="3.14 $(PYTHONS)"

ifeq ($(shell grep -rls 'mark\.spark' tests/models),)
test-spark:
	@echo "Spark tests: this version has none"
else
test-spark: $(VENV)/.spark ## the models on Spark, compared with DuckDB row by row (needs Java 17 or later)
	@command -v java >/dev/null || { echo "make: test-spark needs Java 17 or later on the PATH" >&2; exit 2; }
	$(pytest) -m "spark and not soak" -n 2 --dist loadfile

soak-spark: $(VENV)/.spark ## the histories of builds that `make test-spark` leaves out, half an hour
	$(pytest) -m "spark and soak"
endif

test-metrics: $(VENV)/.dev $(VENV)/.metrics ## every metric, as MetricFlow answers it, compared with the marts
	$(pytest) -m metrics

mutants: $(VENV)/.dev ## change models, then the loader, one place at a time, and print what no test finds; hours; ARGS="--number 20 --seed 2"
	$(BIN)/python tests/tools/mutate_sql.py --all-tests $(ARGS)
	$(BIN)/python tests/tools/mutate_python.py $(ARGS)

soak: $(VENV)/.dev $(CLIENT)/.installed ## the tests that take minutes or hundreds of megabytes
	$(pytest) -m "soak and not spark" --hypothesis-profile=default

lint: $(VENV)/.dev ## style, types, SQL, dbt conventions, words, locks, without changing anything; SQL files that changed since they were clean
	@failed=; run() { echo "$$*"; "$$@" || failed="$$failed $${1##*/}"; }; \
	run $(BIN)/ruff check .; \
	run $(BIN)/ruff format --check --diff .; \
	run $(BIN)/mypy; \
	run $(BIN)/lint-imports; \
	run $(BIN)/python .ci/lint_sql.py macros models tests loader; \
	run $(call scratch,parse) && run $(BIN)/dbt-bouncer run --config-file dbt-bouncer.yml --show-all-failures; \
	run $(BIN)/python .ci/check_words.py; \
	run $(BIN)/python .ci/check_locks.py; \
	[ -z "$$failed" ] || { echo "make: failed:$$failed" >&2; exit 1; }

format: $(VENV)/.dev ## put Python and SQL into the project's style
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix models tests loader

bench: $(VENV)/.bench ## measure the loader and the models against plain DuckDB and other readers
	$(BIN)/python tests/benchmarks/bench.py
	$(BIN)/python tests/benchmarks/bench_object_storage.py
	$(BIN)/python tests/benchmarks/bench_build.py
	$(BIN)/python tests/benchmarks/bench_marts.py
	$(BIN)/python tests/benchmarks/bench_rates.py

# --- generated files -------------------------------------------------------------------------------------------------

docs: $(VENV)/.core ## one self-contained page of the models, target/scratch/static_index.html
	@mkdir -p target/scratch && rm -f target/scratch/scratch.duckdb
	@$(call scratch,build --empty --exclude-resource-type test --exclude-resource-type unit_test)
	@$(call scratch,docs generate --static)
	@rm -f target/scratch/scratch.duckdb
	@echo "target/scratch/static_index.html"

generated: $(VENV)/.dev ## write generated pages: loader/COMMANDS.md, models/DICTIONARY.md, formulas in models/README.md, answers in COOKBOOK.md and RUNBOOK.md
	$(BIN)/python tests/tools/help_texts.py
	$(BIN)/python tests/tools/dictionary.py
	$(BIN)/python tests/tools/contracts.py
	$(BIN)/python tests/tools/formulas.py
	$(BIN)/python tests/tools/cookbook.py

ranges: $(VENV)/.dev ## write the seed of number types from libphonenumber's metadata; rows of other sources stay
	$(BIN)/python tests/tools/number_ranges.py

# Existing pins are kept; UPGRADE=--upgrade takes the newest releases that pyproject.toml allows. The core, Spark and
# bench locks follow the development lock's versions, so that all of them fit into one environment.
compile = env -u UV_FIND_LINKS UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --no-config --quiet \
  --universal --generate-hashes --no-annotate --no-strip-extras --python $(BIN)/python $(UPGRADE)

lock: $(VENV)/.dev ## write the hashed locks from pyproject.toml (UPGRADE=--upgrade: newest releases)
	$(compile) --group build pyproject.toml --extra dev --extra cloud --extra report -c .ci/dbt.txt -o requirements-dev.txt
	$(compile) --group build pyproject.toml --extra dev --extra cloud --extra report --excludes .ci/dbt_next_without.txt -o requirements-dbt-next.txt
	$(compile) --group build pyproject.toml -c requirements-dev.txt -o requirements.txt
	$(compile) --group build pyproject.toml --extra report -c requirements-dev.txt -o requirements-report.txt
	$(compile) --group build pyproject.toml --extra cloud -c requirements-dev.txt -o requirements-cloud.txt
	$(compile) --group build pyproject.toml --extra metrics -c requirements-dev.txt -o requirements-metrics.txt
	$(compile) --group build pyproject.toml --extra spark -c requirements-dev.txt -o requirements-spark.txt
	$(compile) --group build pyproject.toml --extra bench -c requirements-dev.txt -c requirements-spark.txt -o requirements-bench.txt
	$(compile) --group client -o requirements-client.txt
	$(BIN)/python .ci/check_locks.py

dist: $(VENV)/.dev ## the wheel and the source archive, in dist/
	rm -rf dist
	$(BIN)/python -m pip wheel -q --no-deps --no-build-isolation -w dist .
	$(BIN)/python -c 'import hatchling.build; print("dist/" + hatchling.build.build_sdist("dist"))'

release-check: $(VENV)/.dev ## VERSION=1.2.3: the version is the same everywhere, the changelog has it, locks and generated pages are current
	$(BIN)/python .ci/check_release.py "$(VERSION)"
	$(BIN)/python .ci/check_locks.py

release-database: $(VENV)/.dev ## a database built by this version, kept for the tests of later versions
	env -u CDR_DATABASE -u CDR_TARGET PYTHONPATH=. $(BIN)/python tests/tools/release_database.py

clean: ## remove everything that can be rebuilt; databases and .venv stay
	rm -rf .demo target logs build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find loader tests -name __pycache__ -type d -prune -exec rm -rf {} +