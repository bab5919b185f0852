# make demo   everything from a bare Python 3.11 to a running camera
# make test   lint, types, import contracts, generated code, tests
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
OUT    ?= out/demo
SECONDS_A_POLICY ?= 18
TEST_JOBS ?= 2
# A processor-only build of torch: the default build carries several gigabytes of GPU libraries.
TORCH       := torch==2.13.0
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
PACKAGES    := catalog specializer engine cloud sim mcdnn benchmarks tests

.PHONY: env demo test lint format protos clean

env: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --retries 0 --timeout 20 \
		--index-url $(TORCH_INDEX) $(TORCH) 2>/dev/null || echo "no processor-only torch at $(TORCH_INDEX): taking the default build"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cloud,compile,openvino,dev]'
	touch $@

demo: env
	$(BIN)/mcdnn demo --seconds $(SECONDS_A_POLICY) --out $(OUT)

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m cloud.rpc.generate --check

test: lint
	$(BIN)/pytest -n $(TEST_JOBS) --dist loadfile --no-loadscope-reorder

format: env
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

protos: env
	$(BIN)/python -m cloud.rpc.generate

clean:
	rm -rf $(VENV) out build dist
