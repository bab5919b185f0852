# make demo   everything from a bare Python 3.11 to a running camera
# make test   lint, types, import contracts, generated code, tests
# make test-system   tests that need system packages (a browser, an RTSP server): installs them, as root or with sudo
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

# PROGRAM:PACKAGE of what tests/system needs; what is no program is named by its package alone.
SYSTEM_PROGRAMS := chromium:chromium chromedriver:chromium-driver systemd:systemd nsenter:util-linux \
	gir1.2-gst-rtsp-server-1.0 python3-gst-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad

.PHONY: env demo test test-system lint format protos clean

env: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --retries 0 --timeout 20 \
		--index-url $(TORCH_INDEX) $(TORCH) 2>/dev/null || echo "no processor-only torch at $(TORCH_INDEX): taking the default build"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cloud,compile,energy,mqtt,openvino,web,dev]'
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

test-system: env
	tests/system/install.sh $(SYSTEM_PROGRAMS)
	$(BIN)/pytest tests/system

format: env
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

protos: env
	$(BIN)/python -m cloud.rpc.generate

clean:
	rm -rf $(VENV) out build dist
