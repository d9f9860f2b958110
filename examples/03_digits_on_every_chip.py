"""What learning on the chip is worth: weights trained elsewhere and put on it, against weights it learned itself.

`make chips` draws five chips of every preset (more than an hour on one core). Interrupted, it goes on with the
preset it was at.
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
from neurosim.io.atomic import write_atomically
from neurosim.report.chips import draw_chips
from neurosim.report.progress import Progress
from neurosim.spec import read_spec
from neurosim.spec.streams import stream
from neurosim.version import __version__

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


numbers = options.out.with_suffix(".json")
settings = [options.chips, options.epochs, options.samples, __version__]
options.out.parent.mkdir(parents=True, exist_ok=True)
kept = json.loads(numbers.read_text()) if numbers.exists() else {}
found: dict[str, dict[str, list[float]]] = kept["presets"] if kept.get("settings") == settings else {}
with Progress() as progress:
    trained, best = learn("ideal", 1, options.epochs, None)
    ways = {"put on": (0, trained), "put on, 2 epochs": (2, trained), "learned": (options.epochs, None)}
    for name in options.presets:
        if name not in found:
            seeds = range(1, options.chips + 1)
            found[name] = {way: [learn(name, s, *how)[1] for s in seeds] for way, how in ways.items()}
        print(name, {way: np.round(values, 1).tolist() for way, values in found[name].items()}, flush=True)
        with write_atomically(numbers) as part:
            part.write_text(json.dumps({"settings": settings, "ideal": best, "presets": found}, indent=2))
draw_chips(found, options.out.with_suffix(".png"), best=best, best_name="the ideal chip")
