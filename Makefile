# Everything a newcomer types. Python and make are all that has to be there.
PYTHON ?= python3

.PHONY: gstreamer run test lint engines format lock screenshot tracking-benchmark

run: ## Set up and open the console (headless where there is no display)
	@$(PYTHON) tools/bootstrap.py console
	@.venv/bin/python main.py $(ARGS)

test: ## Set up and run every check
	@$(PYTHON) tools/bootstrap.py tests
	@$(PYTHON) tools/bootstrap.py engines
	@$(PYTHON) tools/bootstrap.py engines36
	@.venv/bin/python tools/check.py

lint: ## Format check, lint, types, imports
	@$(PYTHON) tools/bootstrap.py tests
	@.venv/bin/python tools/check.py --no-tests

engines: ## The environment that converts networks: TensorFlow 2.17.1 (2 GB)
	@$(PYTHON) tools/bootstrap.py engines

format: ## Put the code into its format
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format --quiet .

lock: ## Resolve requirements/*.in anew (needs uv)
	cd requirements && for name in console tests engines; do \
	    uv pip compile --quiet --universal --python-version 3.10 --no-header \
	        --no-emit-package openvino-telemetry \
	        $$name.in --output-file $$name.txt; done

	cd requirements && name=tracking-benchmark && \
	    uv pip compile --quiet --universal --python-version 3.11 --no-header \
	        --no-emit-package opencv-python --override $$name.overrides \
	        $$name.in --output-file $$name.txt

tracking-benchmark: ## The tracker beside others on the same detections (minutes)
	@$(PYTHON) tools/bootstrap.py tracking
	@.venv-tracking/bin/python -m tests.benchmarks.tracking $(ARGS)

screenshot: ## Make docs/images/console.png
	@.venv/bin/python tools/make_screenshot.py docs/images/console.png

gstreamer: ## What csi:// and gst:// need, from the system's packages (as root)
	apt-get update -qq
	apt-get install -qq --no-install-recommends python3-gi python3-gst-1.0 \
	    gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-good \
	    gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav
