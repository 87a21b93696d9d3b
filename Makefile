# Everything a newcomer needs: `make demo`, `make test`. Both set the project up first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.PHONY: setup demo test lint fmt bench bench-full crash streams fuzz fuzz-rest fuzz-openapi mutants conformance pins clean

setup: $(STAMP) ## make .venv with the command .venv/bin/sallyport

$(STAMP): pyproject.toml requirements/develop.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sallyport needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/develop.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: setup ## the fictional county, end to end, then serve it
	$(BIN)/sallyport demo

test: setup ## every test; no branch of the decision engine without one that takes it
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --ignore=tests/consent
	$(BIN)/python -m pytest -q -n 2 --dist loadfile tests/consent \
	  --cov=adapter/consent --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100

lint: setup ## formatting, lint rules, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: setup ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## speed, as ratios against a bare server in the same run, answers checked
	$(BIN)/python benchmarks/run.py

bench-full: setup ## the long ones: a 1 GB file, 100,000 candidates, 10,000 people and 20 contexts
	$(BIN)/python benchmarks/run.py --full

crash: setup ## kill a server, and those who tell subscribers, two hundred times each: nothing lost, nothing doubled
	$(BIN)/python -m pytest -q tests/test_crash_mllp.py tests/test_crash_delivery.py --kills 200

streams: setup ## random histories: what subscribers get is the same without what is withheld, and misses nothing
	$(BIN)/python -m pytest -q tests/delivery/test_whole_stream.py tests/delivery/test_load_and_follow.py --histories 200

fuzz: setup ## ten million random cases: the engine, its tables and a slow evaluator must agree
	$(BIN)/python -m tests.fuzz $(FUZZ)

fuzz-rest: setup ## a hundred thousand random requests to the FHIR base: each is answered, none by a failure of the server
	$(BIN)/python -m tests.fuzz.rest $(FUZZ)

fuzz-openapi: setup ## requests from the OpenAPI document, right and wrong: each answer is one that it describes
	$(BIN)/python -m tests.fuzz.openapi $(FUZZ)

mutants: setup ## change the engine in every small way and see whether a test notices; takes hours
	sh tests/mutants.sh $(BIN)/python

conformance: setup ## every official R4 example of our types through validator, store form and XML; XSD=fhir-single.xsd
	mkdir -p build/r4
	cd build/r4 && test -d package || (npm pack --silent hl7.fhir.r4.examples@4.0.1 && tar xzf hl7.fhir.r4.examples-4.0.1.tgz)
	$(BIN)/python benchmarks/r4_examples.py build/r4/package $(if $(XSD),--xsd $(XSD))

pins: ## resolve requirements/*.in anew (needs uv)
	cd requirements && for set in runtime develop; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $$set.in -o $$set.txt; done

clean: ## remove what was built
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
