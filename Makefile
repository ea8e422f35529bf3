# `make synth` and `make test` need Python 3.10 or newer and nothing else: they set themselves up.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
READY_DEV := .venv/ready-dev

# Python that is compiled starts faster.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: synth setup test test-api api-server test-quick lint types bench docs imports kubernetes-types st2-options clean

synth: $(READY)
	$(BIN)/python main.py

setup: $(READY)

# Node.js comes from PyPI where the machine has none that is new enough.
$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	$(BIN)/python -m constructs_st2.node || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[node]'
	touch $@

$(READY_DEV): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

# The tests of a file share servers, so they stay together; those that take long begin first, as tests/conftest.py says.
PYTEST := $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

# As root on Debian, first installs the servers that some tests run. They wait for those, so there are more processes
# than the two cores of a small machine.
WORKERS ?= 4
test: $(READY_DEV)
	$(BIN)/python tests/servers/install.py
	$(PYTEST) --numprocesses $(WORKERS)

test-quick: $(READY_DEV)
	$(PYTEST) --numprocesses 2 --ignore tests/servers --ignore tests/api

# What the synth accepts, applied to a real API server.
test-api: api-server
	$(PYTEST) --numprocesses 2 tests/api

# The first time builds the server from the sources of Kubernetes, which takes Go and many minutes; `make test` then runs
# its tests too. With KUBEBUILDER_ASSETS, they use the one in that folder.
api-server: $(READY_DEV)
	$(BIN)/python tests/servers/kube_apiserver.py

lint: $(READY_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY_DEV)
	$(BIN)/mypy

bench: $(READY_DEV)
	$(BIN)/python benchmarks/bench.py

docs: $(READY)
	$(BIN)/python -m constructs_st2.commands.docs

# The typed bindings of custom kinds. Needs the cdk8s program of `make test`.
imports: $(READY_DEV)
	$(BIN)/python tests/servers/bindings.py

# The types of Kubernetes' fields in values, from Kubernetes' own description of its API. With VERSION=v1.35.0, of that
# version from now on.
kubernetes-types: $(READY_DEV)
	cd tools && ../$(BIN)/python -m kubernetes_types $(VERSION)

# The table of st2's options, of an installed st2: make st2-options VERSION=3.9 ST2=/opt/stackstorm/st2/bin/python
st2-options: $(READY_DEV)
	cd tools && ../$(BIN)/python -m st2_options $(VERSION) "$(ST2)"

clean:
	rm -rf .venv
