# make memo: set up, run the main job, print where the memo is.   make test: everything CI checks.
.PHONY: memo test fast slow proof lint docs setup lock notebooks clean
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
DEV := $(VENV)/.ready-dev
CANDIDATES := python3.14 python3.13 python3.12 python3 python
# Where an image says that no bytecode be written, each process would compile all that it imports anew: 14
# processor seconds for PyMC and what it needs. Here it is kept, beside what it was made of.
export PYTHONDONTWRITEBYTECODE :=

# The first Python >= 3.12 by name, else the newest one that pyenv keeps.
define FIND_PYTHON
good() { "$$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; }; \
for name in $(CANDIDATES); do \
  path=$$(command -v $$name) && good "$$path" && { echo "$$path"; exit 0; }; \
done; \
for path in $$(ls -d "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.*/bin/python 2>/dev/null | sort -rV); do \
  good "$$path" && { echo "$$path"; exit 0; }; \
done; \
exit 1
endef

memo: $(READY)
	$(VENV)/bin/forecast run --out out

# A change of what is needed to run starts afresh; what checks the package is added to that.
$(READY): requirements.lock pyproject.toml tools/packages.py
	@python=$$($(FIND_PYTHON)) || { echo "forecast needs Python 3.12 or newer with venv, and none is on the PATH or in pyenv: install one (for example 'pyenv install 3.13' or your system's python3.13 and python3.13-venv) and run make again." >&2; exit 1; }; \
	echo "setting up $(VENV) with $$("$$python" --version), once" >&2; \
	rm -rf $(VENV) && "$$python" -m venv $(VENV)
	@$(PY) tools/packages.py install requirements.lock
	@touch $@

$(DEV): requirements-dev.lock $(READY)
	@$(PY) tools/packages.py install requirements-dev.lock
	@touch $@

setup: $(DEV)

lint: $(DEV)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/mypy

# A process a core; the tests of a file share one, and with it what they compile. The longest go first.
PYTEST := $(PY) -m pytest -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder
# The share of lines that they run is a figure to look at, no bar; which lines, "coverage report -m" tells.
fast: $(DEV)
	$(PYTEST) --cov --cov-report=
	@echo "lines of forecast/ that the fast tests run: $$($(PY) -m coverage report --format=total) %"

slow: $(DEV)
	$(PYTEST) -m slow

# What takes many fits: before a release, and after a change of a model or of the sampler.
proof: $(DEV)
	$(PYTEST) -m proof

# The site, with warnings as errors; a page that would ask another host is one.
docs: $(DEV)
	$(VENV)/bin/sphinx-build -q -E -W --keep-going -b html docs build/docs
	@echo "the site: build/docs/index.html"

test: lint docs fast slow

# Pin the newest set that resolves.
lock: $(READY)
	@$(PY) tools/packages.py lock

clean:
	rm -rf $(VENV) out dist build .pytest_cache .mypy_cache .ruff_cache .coverage

# Execute the notebooks and write their outputs into the paired .ipynb files.
notebooks: $(DEV)
	$(PY) notebooks/execute.py
