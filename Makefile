.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help
help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: .venv/ready ## Install batchdial and its tools into .venv (with uv if it is there, else pip)

.venv/ready: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "batchdial needs Python 3.11 or newer; say which: make setup PYTHON=python3.12"; exit 1; }
	@if command -v uv >/dev/null; then \
		echo "Setting up .venv with uv ..."; \
		uv sync --quiet --locked --all-extras --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')"; \
	else \
		echo "Setting up .venv with pip ..."; \
		$(PYTHON) -m venv .venv && \
		$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1' && \
		$(BIN)/python -m pip install --quiet --editable '.[holidays,postgres]' --group dev; \
	fi
	@touch $@

.PHONY: demo
demo: setup ## Rehearse: dial the sample lists against a local sandbox
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh sample_data/demo.sh

.PHONY: test
test: setup ## Run all tests, as many at once as there are cores
	@$(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal

.PHONY: faults
faults: setup ## Inject every fault of tests/faults/faults.csv and print what was seen
	@$(BIN)/pytest -q -m fault --fault-table

.PHONY: bench
bench: setup ## Measure against what one would use instead (ONLY=prepare,dispatch QUICK=1 README=1)
	@$(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(if $(README),--readme) $(if $(ONLY),--only '$(ONLY)')

.PHONY: profile
profile: setup ## Show where the time goes (ONLY="prepare numbers dispatch" QUICK=1)
	@$(BIN)/python -m tests.bench.profiles $(if $(QUICK),--quick) $(ONLY)

.PHONY: lint
lint: setup ## Check style, types and the direction of imports
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: audit
audit: setup ## Ask for known vulnerabilities of the dependencies (needs the network)
	@test -x .audit/bin/pip-audit || { $(PYTHON) -m venv .audit && .audit/bin/pip install --quiet pip-audit; }
	@.audit/bin/pip-audit --strict --skip-editable --progress-spinner off \
		--path "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" || { \
		echo "Not everything is known to be sound: see above. What could not be looked up proves nothing;"; \
		echo "where the service is out of reach, run this where it is not."; exit 1; }

.PHONY: check
check: lint test ## Everything that must hold before a change is shared

.PHONY: format
format: setup ## Format the code
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format

.PHONY: postgres
postgres: ## Install PostgreSQL for the tests of the shared ledger (Debian, Ubuntu)
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq postgresql; }

.PHONY: faulttools
faulttools: ## Install what some tests inject faults with (Debian, Ubuntu)
	@command -v strace >/dev/null && command -v faketime >/dev/null || { apt-get update -qq && apt-get install -y -qq strace faketime; }

.PHONY: libreoffice
libreoffice: ## Install LibreOffice for the tests of workbooks (Debian, Ubuntu)
	@command -v soffice >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends libreoffice-calc; }

.PHONY: clean
clean: ## Remove everything that was made here
	@rm -rf .venv .audit .demo build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
