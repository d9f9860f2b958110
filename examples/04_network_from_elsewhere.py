"""A network trained in torch goes onto chips of memory cells: what programming costs, and what learning there changes.

Results go to the folder results/.
"""

from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from neurosim.experiment import Watcher, run
from neurosim.io import load_dataset, write_result
from neurosim.report.progress import Progress
from neurosim.spec import read_spec

SPEC, RESULTS = Path(__file__).parent / "specs" / "digits.toml", Path("results")
CHIPS, EPOCHS, STEPS = ("ideal", "pcm_crossbar", "rram_crossbar"), 2, 300
SETTINGS = [f"run.epochs={EPOCHS}", "run.verify_samples=0", "method.learning_rate=0.3"]
RESULTS.mkdir(exist_ok=True)
spec = read_spec(SPEC)
data = load_dataset(spec.task)

torch.manual_seed(1)
sizes = zip(spec.network.layers[:-1], spec.network.layers[1:], strict=True)
first, second, third = (torch.nn.Linear(n, m) for n, m in sizes)
net = torch.nn.Sequential(first, torch.nn.Tanh(), second, torch.nn.Tanh(), third)
x = torch.tensor(data.scale * data.train_inputs, dtype=torch.float32)
y = torch.tensor(data.train_desired, dtype=torch.float32)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for _ in range(STEPS):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()

weights = RESULTS.resolve() / "trained_in_torch.npz"
np.savez(weights, **{name: value.numpy() for name, value in net.state_dict().items()})
given = [f"network.weights.file={weights}"]
for l, (name, layer) in enumerate(zip(("input", "layer_1", "layer_2"), (0, 2, 4), strict=True), start=1):
    given.append(f'network.weights.arrays.{name}_to_layer_{l}="{layer}.weight"')
    given.append(f'network.weights.arrays.biases_{l}="{layer}.bias"')

table = Table("chip", "just programmed", f"after {EPOCHS} epochs there", "clipped", title="test accuracy")
with Progress() as progress:
    for chip in CHIPS:
        changed = read_spec(SPEC, overrides=[*SETTINGS, *given, f"chip.name={chip}"])
        result = run(changed, watcher=Watcher(progress=progress)).result
        write_result(result, RESULTS / f"from_elsewhere_{chip}.h5")
        accuracy = result.learning["test_accuracy"].values
        clipped = result.provenance.get("weights_clipped", 0.0)
        table.add_row(chip, f"{accuracy[0]:.2%}", f"{accuracy[-1]:.2%}", f"{clipped:.2%}")
Console().print(table)
