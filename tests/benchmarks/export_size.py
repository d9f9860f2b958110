"""Time and peak memory of exports and of opening them again, for nets of a given size.

    python -m tests.benchmarks.export_size [--layers 784-1000-10 3000-3000-350] [--json OUT]

Each step is a process of its own, so that its peak is its own; what a process takes that does nothing stands beside it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from neurosim.io import write_result
from neurosim.result import Projection, Result

NETS = ("784-1000-10", "3000-3000-350")
"""The second has ten million synapses."""
_LOADED = (
    "import neurosim.io, libsonata; from neurosim.spec import read_spec_text\n"
    "text = open('{{0}}/spec.toml').read().replace('[method]', '[network.weights]\\nfile = \"{{0}}/{0}\"\\n[method]')\n"
    "neurosim.io.load_weights(read_spec_text(text))"
)
STEPS = {
    "nothing": "import neurosim.io, libsonata",
    "export": "import neurosim.io, libsonata; neurosim.io.export_result('{0}/r.h5', '{0}/out', 'sonata')",
    "export to NIR": "import neurosim.io, libsonata; neurosim.io.export_result('{0}/r.h5', '{0}/r.nir', 'nir')",
    "export to HDF5": "import neurosim.io, libsonata; neurosim.io.export_result('{0}/r.h5', '{0}/s.h5', 'hdf5')",
    "libsonata, all weights": (
        "import neurosim.io, libsonata; edges = libsonata.EdgeStorage('{0}/out/edges.h5')\n"
        "for name in edges.population_names:\n"
        "    e = edges.open_population(name); e.get_attribute('syn_weight', e.select_all())"
    ),
    "nir.read": "import neurosim.io, libsonata; import nir; nir.read('{0}/r.nir')",
    "read_result": "import neurosim.io, libsonata; neurosim.io.read_result('{0}/r.h5')",
    "weights of SONATA": _LOADED.format("out"),
    "weights of NIR": _LOADED.format("r.nir"),
}
MEASURED = """
import json, pathlib, time
start = time.perf_counter()
{}
seconds = time.perf_counter() - start
status = dict(line.split(":") for line in pathlib.Path("/proc/self/status").read_text().splitlines())
print(json.dumps([seconds, int(status["VmHWM"].split()[0]) / 1024]))
"""
"""getrusage would tell the peak of whoever started the process, where that is higher."""


def made(sizes: list[int]) -> Result:
    """Weights between layers, with a gain and what is stored for each."""
    draws, found = np.random.default_rng(1), {}
    parts = ["input", *(f"layer_{l}" for l in range(1, len(sizes)))]
    for (source, target), (n_pre, n_post) in zip(pairwise(parts), pairwise(sizes), strict=True):
        weights = draws.normal(size=(n_post, n_pre))
        found[f"{source}_to_{target}"] = Projection(
            weights=weights,
            source=source,
            target=target,
            kind="feedforward",
            device={"gain": weights + 1, "stored": weights},
        )
    return Result(spec=spec_text(sizes), seed=1, backend="cpp", connectivity=found)


def spec_text(sizes: list[int]) -> str:
    """Of a network that has no feedback of its own."""
    return f'[network]\nlayers = {sizes}\n[method]\nname = "BP"\n'


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", nargs="+", default=NETS, metavar="N-N")
    parser.add_argument("--json", type=Path, metavar="OUT")
    options = parser.parse_args()
    kept: dict[str, dict[str, list[float]]] = {}
    for net in options.layers:
        with tempfile.TemporaryDirectory() as folder:
            sizes = [int(size) for size in net.split("-")]
            write_result(made(sizes), Path(folder) / "r.h5")
            (Path(folder) / "spec.toml").write_text(spec_text(sizes))
            kept[net] = {name: _measured(step.format(folder)) for name, step in STEPS.items()}
            megabytes = (Path(folder) / "r.h5").stat().st_size / 1e6
            exported = sum(path.stat().st_size for path in Path(folder).rglob("out/*")) / 1e6
        table = Table("", "s", "peak, MiB", title=f"{net}: {megabytes:.0f} MB, as SONATA {exported:.0f} MB")
        for name, (seconds, peak) in kept[net].items():
            table.add_row(name, f"{seconds:.2f}", f"{peak:.0f}")
        Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(kept, indent=2))


def _measured(step: str) -> list[float]:
    """Seconds and peak MiB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED.format(step)], capture_output=True, text=True, check=True
    )
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
