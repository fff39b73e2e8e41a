# Every target sets up .venv by itself when it is missing or older than the list of dependencies.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Threads that wait shouldn't spin: where anything else runs, that makes a lesson many times slower.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: trace setup lab doctor clean

trace: setup            ## follow a photo through the three families (WEIGHTS=imagenet: official weights)
	$(if $(filter imagenet,$(WEIGHTS)),course weights --download all)
	course trace $(if $(WEIGHTS),--weights $(WEIGHTS))

setup: $(STAMP)         ## .venv with everything in requirements.txt

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -r requirements.txt
	$(VENV)/bin/python -m pip install --no-deps -e .
	@touch $(STAMP)

lab: setup              ## JupyterLab in the project's environment
	jupyter lab

doctor: setup           ## what is on this machine, and what to do about what is not
	course doctor

clean:                  ## what make and the commands made, except the features cache
	rm -rf $(VENV) reports runs build *.egg-info

-include maintain.mk  # for those who teach and maintain; a student's copy has none
