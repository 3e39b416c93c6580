# Two commands: `make run` starts everything, `make test` checks everything. Both set up what is missing.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test check lock clean help

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

run: ## set up, start database, web and worker on http://127.0.0.1:8000
	@$(PYTHON) .ci/bootstrap.py run
	@exec $(BIN)/dispatch run

test: ## set up and run every check and test
	@$(PYTHON) .ci/bootstrap.py test
	@exec $(BIN)/python .ci/check.py

lock: ## resolve the lock files again (network)
	@$(PYTHON) .ci/bootstrap.py test
	@$(BIN)/python .ci/lock.py

clean: ## remove environments and built files; the data in var/ stays
	rm -rf .venv .uv node_modules static/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
