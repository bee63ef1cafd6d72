# Two commands are enough: make demo · make test. The rest is for people who work on it.
PYTHON ?= python3.13
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test lint security bench truth infra az package schema shapes roles lock clean

help: ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(READY) ## the whole story on the local Azure: no account, no bill (FAST=1, KEEP=1, STORAGE=azurite)
	@$(BIN)/python -m cli.demo $(if $(FAST),--fast) $(if $(KEEP),--keep) $(if $(STORAGE),--storage $(STORAGE))

test: $(READY) ## every test, the linter, the types and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/pytest

lint: $(READY) ## mend what the linter can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

security: $(READY) ## what bandit finds in the code, and zizmor in the workflows: nothing, or the change does not pass
	@$(BIN)/bandit -q -r function_app.py functions shared
	@$(BIN)/bandit -q -lll -r cli host simulator
	@$(BIN)/zizmor --offline --no-progress --quiet --persona=pedantic .github

bench: $(READY) ## calls, bytes and CPU beside the plain SDK flow, against the budgets
	@$(BIN)/python -m tests.bench

truth: $(READY) ## recorded traffic of the real Azure held against the local one (FLEXGUARD_WIRE names its folder)
	@$(BIN)/python -m tests.truth

infra: $(READY) ## what is wrong with the deployment: templates, queries; with Bicep's own compiler where it is
	@$(BIN)/python -m tests.infra

simulate: $(READY) ## the real app in simulated worlds, many seeds (SEEDS, FIRST_SEED, SERVERS, SEED TRACE=1, MUTANTS=1, PAIRS=1)
	@$(BIN)/python -m tests.simulation $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FIRST_SEED),--first-seed $(FIRST_SEED)) \
		$(if $(SERVERS),--servers $(SERVERS)) $(if $(SEED),--seed $(SEED)) $(if $(TRACE),--trace) \
		$(if $(MUTANTS),--mutants) $(if $(PAIRS),--pairs)

az: $(READY) ## Microsoft's own command line for the local Azure, installed once (optional, 700 MB)
	@$(BIN)/python -m cli.az --install

package: $(READY) ## the zip that Azure gets, in dist/ (WITH_DEPENDENCIES=1 for deployments without remote build)
	@$(BIN)/python -m cli.package $(if $(WITH_DEPENDENCIES),--with-dependencies)

schema: $(READY) ## rules.schema.json from the model of the rules, for editors
	@$(BIN)/python -m tests.write_schema

shapes: $(READY) ## how rows and messages look today, kept for later versions to read (tests/shared/shapes)
	@$(BIN)/python -m tests.write_shapes

roles: $(READY) ## infra/roles.json from the product's own table of rights
	@$(BIN)/python -m tests.write_roles

lock: $(READY) ## pin every dependency with hashes anew
	@$(BIN)/uv pip compile -q pyproject.toml --generate-hashes --python-version 3.13 --universal \
		--no-emit-index-url --custom-compile-command 'make lock' -o requirements.txt
	@$(BIN)/uv pip compile -q pyproject.toml --all-extras --generate-hashes --python-version 3.13 --universal \
		--no-emit-index-url --custom-compile-command 'make lock' -c requirements.txt -o requirements-dev.txt

clean: ## forget the environment and everything that was made
	@rm -rf .venv .flexguard dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# Installs once; a second run finds the mark and installs nothing.
$(READY): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null || { \
		echo "Flexguard needs CPython 3.13 as '$(PYTHON)', and it is not there."; \
		echo "Install it (https://www.python.org/downloads, 'apt install python3.13 python3.13-venv',"; \
		echo "'brew install python@3.13' or 'pyenv install 3.13'), or name yours: make $(MAKECMDGOALS) PYTHON=/path/to/python3.13"; \
		exit 2; }
	@echo "Setting up .venv (once, about a minute) …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s" -P -m cli "$$@"\n' "$(CURDIR)" "$(CURDIR)/$(BIN)/python" > $(BIN)/flexguard
	@chmod +x $(BIN)/flexguard
	@touch $(READY)
