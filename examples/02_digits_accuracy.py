"""What a chip costs in accuracy: DFC on two chips and BP, each at its best learning rate of a small grid.

`make study` runs five seeds (half an hour on one core); a seed draws weights, order of the data and the chip.
"""

import argparse
import json
from pathlib import Path

import attrs
import numpy as np
from rich.console import Console

from neurosim.experiment import Watcher, run
from neurosim.report.progress import Progress
from neurosim.spec import Spec, read_spec

SPECS = Path(__file__).parent / "specs"
GRID = {
    "BP": ("digits.toml", (0.1, 0.2, 0.3, 0.5)),
    "DFC-fixed, ideal": ("digits.toml", (0.5, 1.0, 1.4)),
    "DFC-fixed, subthreshold_180nm": ("digits_chip.toml", (0.25, 0.5, 1.0)),
}

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--seeds", type=int, default=5)
parser.add_argument("--epochs", type=int, default=30)
parser.add_argument("--backend", default="cpp")
parser.add_argument("--samples", type=int, default=0, help="training samples; 0: all")
parser.add_argument("--json", type=Path, help="keep the numbers")
options = parser.parse_args()


def accuracy(spec: Spec, method: str, rate: float, seed: int) -> float:
    """On the test set after the last epoch, %; NaN where the run did not end well."""
    changed = attrs.evolve(
        spec,
        method=attrs.evolve(spec.method, name=method, learning_rate=rate),
        run=attrs.evolve(spec.run, seed=seed, epochs=options.epochs, verify_samples=0),
        task=attrs.evolve(spec.task, train_samples=options.samples),
        chip={**spec.chip, "seed": seed},
    )
    result = run(changed, backend=options.backend, watcher=Watcher(progress=progress)).result
    return 100 * float(result.learning["test_accuracy"].values[-1]) if result.status.good else float("nan")


console = Console(width=110)
found: dict[str, dict[str, list[float]]] = {}
with Progress() as progress:
    for name, (file, rates) in GRID.items():
        spec, method, seeds = read_spec(SPECS / file), name.split(",")[0], range(1, options.seeds + 1)
        found[name] = {}
        for rate in rates:
            values = [accuracy(spec, method, rate, seed) for seed in seeds]
            found[name][str(rate)] = values
            spread = f"{np.mean(values):.2f} ± {np.std(values, ddof=len(values) > 1):.2f}"
            console.print(f"{name}, rate {rate}: {spread} %   ({', '.join(f'{v:.1f}' for v in values)})")
if options.json:
    options.json.write_text(json.dumps(found, indent=2))
