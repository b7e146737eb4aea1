# The two commands of the README: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3,$(shell command -v $(p) 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: demo test lint types bench clean extension extension-modules test-blender blender-test screenshots bench-blender

demo: $(VENV)/.base
	$(BIN)/mien demo --output out/demo

test: $(VENV)/.dev lint types
	$(BIN)/python -m pytest
	$(MAKE) --no-print-directory test-blender

# tests/blender inside each Blender that pip can install, an environment for each in build/blender.
test-blender: $(VENV)/.dev
	$(BIN)/python tools/blender_tests.py

extension: $(BIN)/python
	$(BIN)/python tools/build_extension.py

# After the add-on imports other modules of core: their names into the manifest.
extension-modules: $(BIN)/python
	$(BIN)/python tools/needed_modules.py

# Real applications with a window: BLENDER=/path/to/blender, or two of Debian's, put into BLENDER_ROOTS (as root).
BLENDER ?=
BLENDER_ROOTS ?= build/blender-apps
blender-test: $(VENV)/.dev
	$(BIN)/python tools/blender_app.py --roots $(BLENDER_ROOTS) --blender "$(BLENDER)"

# The README's pictures of Blender, from a real window.
screenshots: $(VENV)/.dev
	$(BIN)/python tools/blender_app.py --roots $(BLENDER_ROOTS) --blender "$(BLENDER)" --suites sid --pictures

lint: $(VENV)/.dev
	$(BIN)/ruff check .

# The type checker must see the folder under the package's name.
types: $(VENV)/.dev
	mkdir -p build/types && ln -sfn ../.. build/types/mien
	cd build/types && $(CURDIR)/$(BIN)/mypy --config-file mien/pyproject.toml --cache-dir ../mypy -p mien.core -p mien.models -p mien.addon
	MYPYPATH=tools $(BIN)/mypy --cache-dir build/mypy-tools --explicit-package-bases tools/*.py

bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks

bench-blender: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks.blender

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found; install python3.11 and its venv module."; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "Could not make a virtual environment: apt-get install python3-venv"; exit 1; }

$(VENV)/.base: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -c constraints.txt -e .
	touch $@

$(VENV)/.dev: $(VENV)/.base
	$(PIP) -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build out *.egg-info
