# The course in one command each: make lab | course | test | check | notebooks | bench | pins | clean
# On a fresh machine every target first makes .venv, from Python 3.11 to 3.13, with the pinned packages.
#
#     make lab                     opens JupyterLab on the first notebook
#     make course                  executes every solution notebook and writes the HTML book to site/
#     make course PROFILE=report   the same with the report's own sizes
#     make test                    everything that continuous integration runs
#     make lab PYTHON=python3.12   takes this Python for .venv, and no other
#     make lab EXTRAS=gpu          adds the packages for an NVIDIA GPU (or EXTRAS=jax, or fftw)

PYTHON ?= python3
PROFILE ?=
EXTRAS ?=
BASE := python3.11
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed$(if $(EXTRAS),-$(EXTRAS))

# The Python asked for; where none was asked for and python3 is too old or too new, those that may stand beside it.
CANDIDATES := $(PYTHON) $(if $(findstring file,$(origin PYTHON)),python3.13 python3.12 python3.11)
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

# TensorFlow tells of its CPU instructions and of absent GPUs on each start; its warnings and errors stay.
TF_CPP_MIN_LOG_LEVEL ?= 2
export TF_CPP_MIN_LOG_LEVEL

.PHONY: help lab course test check notebooks bench pins clean

help:
	@sed -n '/^#/!q;s/^# \{0,1\}//p' Makefile

lab: $(STAMP)
	$(RUN) -m jupyter lab notebooks/00_start_here.ipynb

course: $(STAMP)
	$(RUN) tools/book.py $(if $(PROFILE),--profile $(PROFILE))

test: check
	$(RUN) -m pytest --numprocesses 2 --dist worksteal --durations=15

check: $(STAMP)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) tools/notebooks.py --check

notebooks: $(STAMP)
	$(RUN) tools/notebooks.py

bench: $(STAMP)
	$(RUN) -m benchmarks.run

# The stamp is removed before and written after the installation: one that was cut short is taken up again. An environment
# that does not run, has no pip, or is of another Python than these is made anew.
$(STAMP): pyproject.toml constraints.txt
	@rm -f $@
	@if ! $(RUN) -c 'import pip; $(FITS)' 2>/dev/null; then \
		found=; \
		for python in $(CANDIDATES); do \
			if $$python -c '$(FITS)' 2>/dev/null; then found=$$python; break; fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "The course needs Python 3.11, 3.12 or 3.13; found none of them as: $(CANDIDATES)." >&2; \
			echo "Install one, or name it: make PYTHON=/path/to/python3.12" >&2; \
			exit 1; \
		fi; \
		echo "making $(VENV) from $$found"; \
		$$found -m venv --clear $(VENV) || { \
			echo "$$found could not make $(VENV); on Debian and Ubuntu: apt install python3-venv" >&2; \
			rm -rf $(VENV); exit 1; }; \
	fi
	$(RUN) -m pip install --disable-pip-version-check -c constraints.txt -e ".[dev$(if $(EXTRAS),$(comma)$(EXTRAS))]"
	@touch $@

comma := ,

# Resolved for the first release of the oldest supported Python, so that the same versions install on all newer ones.
pins:
	rm -rf $(VENV)-pins
	$(BASE) -m venv $(VENV)-pins
	$(VENV)-pins/bin/python -m pip install --upgrade pip
	$(VENV)-pins/bin/python -m pip install --target $(VENV)-pins/packages --python-version 3.11.0 --only-binary=:all: ".[dev,jax]"
	{ sed -n '/^#/p' constraints.txt; \
	  $(VENV)-pins/bin/python -m pip list --path $(VENV)-pins/packages --format=freeze \
	    --exclude pip --exclude deconvolution-course; \
	} > constraints.new
	mv constraints.new constraints.txt
	rm -rf $(VENV)-pins

clean:
	rm -rf $(VENV) $(VENV)-pins site .site-* .pytest_cache .ruff_cache .hypothesis build *.egg-info
