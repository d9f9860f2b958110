"""What learning on the chip is worth: weights trained elsewhere and put on it, against weights it learned itself.

`make chips` draws five chips of every preset (some forty minutes on one core).
"""

import argparse
import json
from pathlib import Path

import attrs
import numpy as np

from hardware_models import preset_names
from neurosim.emulate import VirtualChip, Weights
from neurosim.experiment import ChipLearner
from neurosim.io import load_dataset
from neurosim.report.chips import draw_chips
from neurosim.report.progress import Progress
from neurosim.spec import read_spec
from neurosim.spec.streams import stream

REAL = [name for name in preset_names() if name != "ideal"]
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--chips", type=int, default=5)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--samples", type=int, default=0, help="training samples; 0: all")
parser.add_argument("--presets", nargs="*", default=REAL)
parser.add_argument("--backend", default="cpp")
parser.add_argument("--out", type=Path, default=Path("results/chips"), help="of the picture and the numbers")
options = parser.parse_args()
changes = [f"task.train_samples={options.samples}"]
base = read_spec(Path(__file__).parent / "specs" / "digits_chip.toml", overrides=changes)
data = load_dataset(base.task)


def learn(chip: str, seed: int, epochs: int, start: Weights | None) -> tuple[Weights, float]:
    """The weights after some epochs on a chip, and its accuracy with them, %; NaN where it went wrong."""
    spec = attrs.evolve(base, chip={"name": chip, "seed": seed})
    learner = ChipLearner(VirtualChip(spec, backend=options.backend), data)
    learner.weights = learner.chip.written(start) if start else learner.weights
    for epoch in range(epochs):
        progress(f"{chip} {seed}", epoch, epochs)
        order = stream(spec.run.seed, "order", epoch).permutation(len(data.train_inputs)).astype(np.int32)
        if not learner.learn(epoch, order, None).status.good:
            return learner.weights, float("nan")
    return learner.weights, 100 * learner.test(epochs).accuracy


options.out.parent.mkdir(parents=True, exist_ok=True)
with Progress() as progress:
    trained, best = learn("ideal", 1, options.epochs, None)
    ways = {"put on": (0, trained), "put on, 2 epochs": (2, trained), "learned": (options.epochs, None)}
    found: dict[str, dict[str, list[float]]] = {}
    for name in options.presets:
        seeds = range(1, options.chips + 1)
        found[name] = {way: [learn(name, s, *how)[1] for s in seeds] for way, how in ways.items()}
        print(name, {way: np.round(values, 1).tolist() for way, values in found[name].items()}, flush=True)
draw_chips(found, options.out.with_suffix(".png"), best=best, best_name="the ideal chip")
options.out.with_suffix(".json").write_text(json.dumps({"ideal": best, **found}, indent=2))
