"""The main job: DFC learns real digits on an ideal chip and on a noisy, mismatched one, beside BP.

Run it with `make demo`; results and the picture go to the folder results/.
"""

from pathlib import Path

import attrs
from rich.console import Console

from neurosim.backend import compiler_available
from neurosim.experiment import Watcher, run
from neurosim.io import write_result
from neurosim.report import draw_run, print_summary
from neurosim.report.progress import Progress
from neurosim.spec import read_spec

SPECS = Path(__file__).parent / "specs"
RESULTS = Path("results")
BP_RATE = 0.3  # BP's best of .1, .3, 1 on this task (examples/02_digits_accuracy.py)

console = Console()
RESULTS.mkdir(exist_ok=True)
backend = "cpp" if compiler_available() else "numpy"
if backend == "numpy":
    console.print("No C++ compiler found: running on numpy, which takes some ten times longer.")

ideal = read_spec(SPECS / "digits.toml")
chip = read_spec(SPECS / "digits_chip.toml")
bp_method = attrs.evolve(ideal.method, name="BP", learning_rate=BP_RATE)

with Progress() as progress:
    finished = {
        "BP": run(attrs.evolve(ideal, method=bp_method), watcher=Watcher(progress=progress)),
        "ideal": run(ideal, backend=backend, watcher=Watcher(progress=progress)),
        "subthreshold_180nm": run(chip, backend=backend, watcher=Watcher(progress=progress)),
    }

learnt_by_bp = finished["BP"].result.learning
measures = ("train_loss", "test_accuracy")
baseline = {"name": "BP", **{m: float(learnt_by_bp[m].values[-1]) for m in measures}}
for name in ("ideal", "subthreshold_180nm"):
    result = finished[name].result
    write_result(result, RESULTS / f"digits_{name}.h5")
    console.rule(name)
    print_summary(result, console, baseline)

real = finished["subthreshold_180nm"]
draw_run(
    real.result,
    RESULTS / "digits.png",
    displacements=real.verification.displacements if real.verification else None,
    baseline=learnt_by_bp,
    others={"ideal": finished["ideal"].result},
)
console.print(f"\nResults and picture: {RESULTS.resolve()}")
failed = [n for n, f in finished.items() if not (f.result.status.good and f.result.verified)]
raise SystemExit(f"did not end well: {', '.join(failed)}" if failed else 0)
