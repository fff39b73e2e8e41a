# Every target sets up .venv by itself when it is missing or older than the list of dependencies.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
WORKERS ?= 2
NBVAL := pytest --nbval --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg
CODE_PAGE_TESTS := tests/test_files.py tests/test_notebook.py \
	tests/exercises/test_grading.py::test_marks_given_by_hand_stay_until_another_notebook_comes
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Threads that wait shouldn't spin: where anything else runs, that makes a lesson many times slower.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: trace test lessons exercises student-copy exercises-report setup lab bench doctor lint lock clean

trace: setup            ## follow a photo through the three families (WEIGHTS=imagenet: official weights)
	$(if $(filter imagenet,$(WEIGHTS)),course weights --download all)
	course trace $(if $(WEIGHTS),--weights $(WEIGHTS))

# Files are UTF-8 whatever the machine's code page: an open() that doesn't say so fails a test.
# In order of their names: by number of tests, the longest file would come last, on one worker alone.
test: setup             ## all tests, and every lesson against its stored outputs
	ruff check .
	lint-imports
	PYTHONWARNDEFAULTENCODING=1 pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
	LC_ALL=C PYTHONUTF8=0 pytest -q $(CODE_PAGE_TESTS)
	$(NBVAL) -n $(WORKERS) --dist loadfile lessons

lessons: setup          ## run the lessons, store their outputs, print the seconds of each
	course lessons --jobs $(WORKERS)

exercises: setup        ## exercises/ anew from solutions/
	course exercises

COPY ?= build/student-copy
student-copy: setup     ## what a class gets: all but solutions, marks and keys (COPY=folder)
	course exercises --copy $(COPY)

exercises-report: setup ## grade every known wrong and right answer, and print the table
	course exercises --report --jobs $(WORKERS)

setup: $(STAMP)         ## .venv with everything in requirements.txt

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -r requirements.txt
	$(VENV)/bin/python -m pip install --no-deps -e .
	@touch $(STAMP)

include utils/distillation/Makefile  # weights, weights-report, pictures, things

lab: setup              ## JupyterLab in the project's environment
	jupyter lab

bench: setup            ## both sides of every performance claim, in one run
	python -m benchmarks

doctor: setup           ## what is on this machine, and what to do about what is not
	course doctor

lint: setup             ## style, and what may import what
	ruff check .
	lint-imports

lock: setup             ## requirements.txt anew from pyproject.toml (torch brings CUDA's packages)
	pip install --quiet uv
	uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --no-header \
		--no-annotate --output-file requirements.txt
	sed -i.bak -E -e '/^(nvidia-|cuda-|triton=)/d' requirements.txt && rm requirements.txt.bak

clean:                  ## what make and the commands made, except the features cache
	rm -rf $(VENV) reports runs build *.egg-info
