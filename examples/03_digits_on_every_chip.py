"""What learning on the chip is worth: weights trained elsewhere and put on it, against weights it learned itself.

`make chips` draws five chips of every preset (an hour on one core); interrupted, it goes on with the preset it was at.
"""

import argparse
from pathlib import Path

import attrs
import numpy as np

from hardware_models import preset_names
from neurosim.emulate import Weights
from neurosim.experiment import Carried, carry_on
from neurosim.io import load_dataset
from neurosim.io.kept import keep, read_kept
from neurosim.report.chips import draw_chips
from neurosim.report.progress import Progress
from neurosim.spec import read_spec
from neurosim.version import __version__

REAL = [name for name in preset_names() if name != "ideal"]
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--chips", type=int, default=5)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--samples", type=int, default=0, help="training samples; 0: all")
parser.add_argument("--presets", nargs="*", default=REAL)
parser.add_argument("--backend", default="cpp")
parser.add_argument("--out", type=Path, default=Path("results/chips"), help="of the picture and the numbers")
parser.add_argument("--set", action="append", default=[], metavar="table.key=value", help="change the spec")
options = parser.parse_args()
changes = [f"task.train_samples={options.samples}", *options.set]
base = read_spec(Path(__file__).parent / "specs" / "digits_chip.toml", overrides=changes)
data = load_dataset(base.task)


def learn(chip: str, seed: int, epochs: int, start: Weights | None) -> Carried:
    """What becomes of weights in some epochs on a chip."""
    spec = attrs.evolve(base, chip={"name": chip, "seed": seed})
    return carry_on(spec, data, start=start, epochs=epochs, backend=options.backend, progress=progress)


numbers = options.out.with_suffix(".json")
settings = [options.chips, options.epochs, options.samples, *options.set, __version__]
found: dict[str, dict[str, list[float]]] = read_kept(numbers, settings=settings).get("presets", {})
with Progress() as progress:
    ideal = learn("ideal", 1, options.epochs, None)
    best, trained = 100 * ideal.exam.accuracy, ideal.weights
    ways = {"put on": (0, trained), "put on, 2 epochs": (2, trained), "learned": (options.epochs, None)}
    for name in options.presets:
        if name not in found:
            seeds = range(1, options.chips + 1)
            found[name] = {
                way: [100 * learn(name, seed, *how).exam.accuracy for seed in seeds]
                for way, how in ways.items()
            }
        print(name, {way: np.round(values, 1).tolist() for way, values in found[name].items()}, flush=True)
        keep(numbers, settings=settings, ideal=best, presets=found)
draw_chips(found, options.out.with_suffix(".png"), best=best, best_name="the ideal chip")
