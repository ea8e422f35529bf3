# `make synth` and `make test` need Python 3.10 or newer and nothing else: they set themselves up.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
READY_DEV := .venv/ready-dev
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
SUPPLY := .venv/supply

# Python that is compiled starts faster.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: synth setup try e2e test test-api api-server test-quick lint types bench docs site site-walk site-release
.PHONY: recording release imports kubernetes-types kubernetes-kinds st2-options lock sbom audit clean

synth: $(READY)
	$(BIN)/python main.py

setup: $(READY)

# Nothing is installed but what has the hashes of the lock: neither what the package needs, nor what builds it. Node.js
# comes from PyPI where the machine has none that is new enough.
$(READY): pyproject.toml requirements/run.lock requirements/node.lock
	$(PYTHON) -m venv .venv
	$(PIP) install --require-hashes --requirement requirements/run.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	$(BIN)/python -m constructs_st2.node || $(PIP) install --require-hashes --requirement requirements/node.lock
	touch $@

$(READY_DEV): $(READY) requirements/dev.lock
	$(PIP) install --require-hashes --requirement requirements/dev.lock
	touch $@

# The tests of a file share servers, so they stay together; those that take long begin first, as tests/conftest.py says.
PYTEST := $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

# As root on Debian, first installs the servers that some tests run. They wait for those, so there are more processes
# than the two cores of a small machine.
WORKERS ?= 6
test: $(READY_DEV)
	$(BIN)/python tests/servers/install.py
	$(PYTEST) --numprocesses $(WORKERS)

# What needs nothing but the environment of this folder: no server, no other program, and nothing that is built.
test-quick: $(READY_DEV)
	$(PYTEST) --numprocesses 2 -m "not servers" --ignore tests/api --ignore tests/servers

# What the synth accepts, applied to a real API server.
test-api: api-server
	$(PYTEST) --numprocesses 2 tests/api

# The first time builds the server and kubectl from the sources of Kubernetes, which takes Go and many minutes; `make test`
# then runs their tests too. With KUBEBUILDER_ASSETS, they use those in that folder.
api-server: $(READY_DEV)
	$(BIN)/python tests/servers/kubernetes_programs.py

# StackStorm on this machine, in a Kubernetes of its own: needs kubectl, and kind, k3d or minikube.
try: $(READY)
	$(BIN)/constructs-st2 try

# The life of a release on the cluster of kubectl's current context, in the namespace stackstorm-e2e: an hour or less.
e2e: $(READY_DEV)
	$(BIN)/python -m pytest -v --capture=no e2e

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
	cd tools && ../$(BIN)/python -m audit.exceptions

# The site of docs/, in site/. A dead link, a missing anchor or a page that is in no menu is an error.
export NO_MKDOCS_2_WARNING := 1

site: $(READY_DEV)
	$(BIN)/mkdocs build --quiet --strict

# Each page in Chromium, wide and narrow, light and dark: errors, dead links, what is too wide. SCREENSHOTS=DIR keeps
# pictures.
site-walk: site
	cd tools && ../$(BIN)/python -m website ../site $(SCREENSHOTS)

# The site of a release onto the branch gh-pages, beside those of others; MIKE=--push pushes it.
site-release: $(READY_DEV)
	$(BIN)/mike deploy $(MIKE) --update-aliases $(VERSION) latest
	$(BIN)/mike set-default $(MIKE) latest

# Version, changelog, commit, tag, wheel and source distribution: make release VERSION=1.2.3 [RELEASE=--dry-run]
release: $(READY_DEV)
	cd tools && ../$(BIN)/python -m release $(VERSION) $(RELEASE)

# The recording in the README: real commands, and their output.
recording: api-server
	cd tools && PYTHONPATH=../tests ../$(BIN)/python -m recording ../docs/recording.svg

# The typed bindings of custom kinds. Needs the cdk8s program of `make test`.
imports: $(READY_DEV)
	$(BIN)/python tests/servers/bindings.py

# The types of Kubernetes' fields in values, from Kubernetes' own description of its API. With VERSION=v1.35.0, of that
# version from now on.
kubernetes-types: $(READY_DEV)
	cd tools && ../$(BIN)/python -m kubernetes_types $(VERSION)

# The kinds of Kubernetes and their fields, from the oldest to the newest version that the program is for, such as
# OLDEST=v1.30.14 NEWEST=v1.36.3; without them from those that are pinned.
kubernetes-kinds: $(READY_DEV)
	cd tools && ../$(BIN)/python -m kubernetes_types.kinds $(OLDEST) $(NEWEST)

# The table of st2's options, of an installed st2: make st2-options VERSION=3.9 ST2=/opt/stackstorm/st2/bin/python
st2-options: $(READY_DEV)
	cd tools && ../$(BIN)/python -m st2_options $(VERSION) "$(ST2)"

# The newest versions that pyproject.toml allows, for all Pythons and systems together.
LOCK := $(SUPPLY)/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.10 --upgrade \
	--generate-hashes --custom-compile-command "make lock" --group build
lock: $(SUPPLY)/ready
	$(LOCK) --output-file requirements/run.lock
	$(LOCK) --constraint requirements/run.lock --extra node --output-file requirements/node.lock
	$(LOCK) --constraint requirements/run.lock --extra node --extra dev --extra docs --output-file requirements/dev.lock
	$(LOCK) --group supply --output-file requirements/supply.lock

# What the package is made of when it is installed by the lock: a bill of materials in the format of CycloneDX.
sbom: $(SUPPLY)/ready
	rm -rf build/sbom
	$(PYTHON) -m venv --without-pip build/sbom
	$(PIP) --python build/sbom install --require-hashes --requirement requirements/run.lock
	$(PIP) --python build/sbom install --no-deps --no-build-isolation .
	$(SUPPLY)/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible \
		--of JSON --output-file build/constructs-st2.cdx.json build/sbom/bin/python

# Linters of others over the default cluster: checkov from PyPI, and kube-score, kube-linter and polaris from the PATH, or
# built by Go where the proxy of Go's modules has them.
audit: $(READY) .venv/audit/ready
	cd tools && PATH="$(CURDIR)/.venv/audit/bin:$$PATH" ../$(BIN)/python -m audit

CHECKOV := checkov==3.3.30
.venv/audit/ready: $(READY)
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/python -m pip --quiet --disable-pip-version-check install $(CHECKOV)
	touch $@

$(SUPPLY)/ready: $(READY) requirements/supply.lock
	$(PYTHON) -m venv $(SUPPLY)
	$(SUPPLY)/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes --requirement requirements/supply.lock
	touch $@

clean:
	rm -rf .venv build
