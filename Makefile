# `make demo` runs the main job, `make test` the tests; each sets up what it needs in .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
export PIP_DISABLE_PIP_VERSION_CHECK := 1
demo test bench tutorials: export MPLBACKEND := Agg
tutorials notebook: export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help demo test tutorials notebook bench docs readme constraints clean
help:
	@echo "make demo      the main job on synthetic clips: make, train, tag, score (about 5 minutes)"
	@echo "make test      all tests (about 5 minutes)"
	@echo "make tutorials run the tutorials (about 5 minutes)"
	@echo "make notebook  JupyterLab on the notebooks"
	@echo "make bench     the benchmarks, on an otherwise idle machine"
	@echo "make docs      a site of the notebooks, in _site"
	@echo "make readme    README.md from nbs/index.ipynb"

demo: $(READY)
	@rm -rf demo
	@$(BIN)/audiotag demo demo

test: $(READY)
	@echo "Notebooks ..."
	@$(BIN)/nbdev-test --n-workers 2 --do-print
	@echo "Tests ..."
	@$(BIN)/python -m pytest tests

tutorials: $(READY)
	@cd nbs/tutorials && for nb in *.ipynb; do ../../$(BIN)/nbdev-test $$nb --n-workers 0 --ignore-fname none || exit 1; done

notebook: $(READY)
	@$(BIN)/jupyter lab --notebook-dir nbs

bench: $(READY)
	@$(BIN)/python benchmarks/run.py

docs: $(READY)
	@$(BIN)/python tests/make_docs.py

readme: $(READY)
	@$(BIN)/python tests/make_readme.py

constraints: $(READY)
	@sed -n '/^#/p' constraints.txt > $(VENV)/head
	@$(BIN)/pip freeze --exclude-editable --exclude audiotag | sed "s/$$/ ; python_version == '$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')' and sys_platform == 'linux'/" | cat $(VENV)/head - > $(VENV)/new
	@mv $(VENV)/new constraints.txt

$(READY): setup.py settings.ini pyproject.toml $(wildcard constraints.txt)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "audiotag needs Python 3.10 or newer; name one with PYTHON=python3.11")'
	@echo "Setting up $(VENV) (some minutes and 7 GB the first time: PyTorch is large) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --progress-bar on $(if $(wildcard constraints.txt),-c constraints.txt) -e '.[dev]'
	@ln -sf nbdev-test $(BIN)/nbdev_test
	@ln -sf nbdev-export $(BIN)/nbdev_export
	@ln -sf nbdev-clean $(BIN)/nbdev_clean
	@touch $(READY)

clean:
	rm -rf $(VENV) demo _site build *.egg-info
