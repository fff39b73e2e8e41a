# Every target sets up .venv by itself when it is missing or older than the list of dependencies.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
WORKERS ?= 2
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: trace test setup lab bench doctor lint lock clean

trace: setup            ## follow a photo through the three families
	course trace

test: setup             ## all tests, on two processes
	ruff check .
	pytest -n $(WORKERS) --dist loadfile

setup: $(STAMP)         ## .venv with everything in requirements.txt

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -r requirements.txt
	$(VENV)/bin/python -m pip install --no-deps -e .
	@touch $(STAMP)

lab: setup              ## JupyterLab in the project's environment
	jupyter lab

bench: setup            ## both sides of every performance claim, in one run
	python -m benchmarks

doctor: setup           ## what is on this machine, and what to do about what is not
	course doctor

lint: setup             ## style
	ruff check .

lock: setup             ## requirements.txt anew from pyproject.toml (torch brings CUDA's packages)
	pip install --quiet uv
	uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --no-header \
		--no-annotate --output-file requirements.txt
	sed -i.bak -E -e '/^(nvidia-|cuda-|triton=)/d' requirements.txt && rm requirements.txt.bak

clean:                  ## what make and the commands made, except the features cache
	rm -rf $(VENV) reports runs build *.egg-info
