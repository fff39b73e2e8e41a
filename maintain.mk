# What those who teach and maintain run; included by the Makefile.
WORKERS ?= 2
DEV_STAMP := $(VENV)/.installed-dev
NBVAL := pytest --nbval --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg
CODE_PAGE_TESTS := tests/test_files.py tests/test_notebook.py \
	tests/grading/test_autograde.py::test_marks_given_by_hand_stay_until_another_notebook_comes
# At the end of thousands of tests a worker that had converted models died, and said nothing.
ENGINE_TESTS := tests/test_features.py tests/test_inference.py
# Programs from the system's packages, as PROGRAM:PACKAGE; tests that miss one skip and say so.
SYSTEM := g++:g++ initdb:postgresql bwrap:bubblewrap chromium:chromium node:nodejs npm:npm
SERVERS := $(lastword $(wildcard /usr/lib/postgresql/*/bin))  # Debian keeps initdb off the PATH

.PHONY: test site components system lessons exercises student-copy exercises-report bench lint lock dev

# Files are UTF-8 whatever the machine's code page: an open() that doesn't say so fails a test.
# A worker takes whole files or folders, in order of their names (tests/conftest.py). Where one dies,
# the run ends: xdist would start another and then wait for ever.
test: dev system components  ## all tests, and every lesson against its stored outputs
	ruff check .
	lint-imports
	PYTHONWARNDEFAULTENCODING=1 pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
		--max-worker-restart 0 -m "not engine"
	PYTHONWARNDEFAULTENCODING=1 pytest -q -m engine $(ENGINE_TESTS)
	LC_ALL=C PYTHONUTF8=0 pytest -q $(CODE_PAGE_TESTS)
	$(NBVAL) -n $(WORKERS) --dist loadfile lessons

# The site's scripts come from npm; without it the tests of the site skip and say so.
COMPONENTS := site/dist/course.js
site: dev components    ## the site in build/site/ (course site --serve shows it)
	course site

components:
	@if command -v npm > /dev/null; then $(MAKE) --no-print-directory $(COMPONENTS); \
	else echo "npm isn't here: the site can't be built (apt install npm)"; fi

$(COMPONENTS): site/package-lock.json $(wildcard site/components/*.js site/components/*.css site/live/*.js site/live/*/*.js)
	cd site && npm ci --no-audit --no-fund && npm run build

dev: $(DEV_STAMP)       ## .venv with what tests need besides

$(DEV_STAMP): $(STAMP) requirements-dev.txt
	$(VENV)/bin/python -m pip install -r requirements-dev.txt
	@touch $(DEV_STAMP)

system:                 ## packages of the system that tests need, where you are root and have apt
	@missing=; PATH="$$PATH:$(strip $(SERVERS))"; for pair in $(SYSTEM); do \
		command -v $${pair%%:*} > /dev/null || missing="$$missing $${pair##*:}"; done; \
	if test -n "$$missing" && test "$$(id -u)" = 0 && command -v apt-get > /dev/null; then \
		apt-get update && apt-get install -y --no-install-recommends $$missing \
			|| echo "not installed, so some tests will skip:$$missing"; \
	elif test -n "$$missing"; then echo "not on this machine, so some tests will skip:$$missing"; fi

lessons: setup          ## run the lessons, store their outputs, print the seconds of each
	course lessons --jobs $(WORKERS)

exercises: setup        ## exercises/ anew from solutions/
	course exercises

COPY ?= build/student-copy
student-copy: setup     ## what a class gets: all but solutions, marks and machinery (COPY=folder)
	course exercises --copy $(COPY)

exercises-report: setup ## grade every known wrong and right answer, and print the table
	course exercises --report --jobs $(WORKERS)

bench: setup            ## both sides of every performance claim, in one run
	python -m benchmarks

lint: dev               ## style, and what may import what
	ruff check .
	lint-imports

# torch brings CUDA's packages; the second list has what isn't in the first.
lock: setup             ## requirements.txt and requirements-dev.txt anew from pyproject.toml
	pip install --quiet uv
	uv pip compile pyproject.toml $(LOCKED) --output-file requirements.txt
	uv pip compile pyproject.toml $(LOCKED) --extra dev --constraint requirements.txt \
		--output-file requirements-dev.txt
	sed -i.bak -E -e '/^(nvidia-|cuda-|triton=)/d' requirements.txt requirements-dev.txt
	grep -v -x -F -f requirements.txt requirements-dev.txt > requirements-dev.txt.bak
	sed -i.bak -e '1i # Exact versions of what lessons and commands import: made by `make lock`, not by hand.' \
		-e '1i # CUDA packages are left out: torch pins those that it needs.' requirements.txt
	sed -e '1i # Exact versions of what tests need besides: made by `make lock`, not by hand.' \
		requirements-dev.txt.bak > requirements-dev.txt && rm *.txt.bak
LOCKED := --quiet --universal --python-version 3.11 --no-header --no-annotate

include utils/distillation/Makefile  # weights, weights-report, pictures, things
