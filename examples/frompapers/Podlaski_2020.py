"""Podlaski and Machens 2020, "Biological credit assignment through dynamic inversion": figures 3 and 4, measured.

python examples/frompapers/Podlaski_2020.py --quick      minutes: fewer examples, small layers
python examples/frompapers/Podlaski_2020.py              the paper's sizes; figure 4 is a matter of GPU hours
    --only figure_3  --seeds 5  --out FOLDER  --fresh

Writes figures/*.png and results.json. An interrupted run goes on where it was.
"""

import sys

import attrs
import torch
from common import guarded, parse, print_table, read_results, spread, write_results
from podlaski_2020 import mnist, regression
from podlaski_2020.algorithms import LINEAR, NONLINEAR, three
from podlaski_2020.figure_3 import draw_figure_3
from podlaski_2020.figure_4 import draw_figure_4

from neurosim.report.progress import Progress

PARTS = ("figure_3", "figure_4")
SEEN = {
    "BP": "2.2 %",
    "FA R-Init": "1.8 %",
    "FA Tr-Init": "1.8 %",
    "PBP": "≈ 2.8 %",
    "NDI Tr-Init α=0": "≈ 2.8 %",
    "NDI R-Init α=0.01": "≈ 2.8 %",
    "DI Tr-Init α=0": "≈ 2.8 %",
    "DI R-Init α=0.01": "≈ 2.8 %",
}
"""The paper's test errors after 10 epochs (section 5.2); FA's start is not told apart there."""


def tell_errors(curves: regression.Curves, name: str) -> None:
    """The errors of one regression at the end, and how soon they fell."""
    algorithms = LINEAR if name.startswith("linear") else NONLINEAR
    rows = [
        (
            algorithm.label,
            spread(curves.last(name, algorithm.label, "error")),
            spread(curves.last(name, algorithm.label, "unexplained")),
            spread(curves.examples_until(name, algorithm.label, 0.1), "{:.0f}", failed="never"),
            spread(curves.examples_until(name, algorithm.label, 0.01), "{:.0f}", failed="never"),
        )
        for algorithm in algorithms
    ]
    count = curves.examples[name][-1]
    head = ("algorithm", "NMSE", "variance unexplained", "examples until 0.1", "until 0.01")
    print_table(f"{name}: after {count} examples", head, rows)


def tell_claims(curves: regression.Curves) -> None:
    """What the paper says in words about DI in figure 3, and what was measured."""
    rows = []
    for label in (algorithm.label for algorithm in three("DI")):
        for task, layers in (("linear", (2,)), ("nonlinear", (2, 3)), ("nonlinear, large teacher", (2, 3))):
            for l in layers:
                last = [
                    f"{curves.last_known(task, label, f'{m} {l}'):.3g}"
                    for m in ("slowest mode", "feedback angle")
                ]
                angle = spread(curves.over_time(task, label, f"to NDI {l - 1}"))
                share = f"{curves.largest(task, label, f'dt over largest {l}'):.2f}"
                what = task.removeprefix("nonlinear, ")
                rows.append((f"{label}, {what}, W_{l}", last[0], share, angle, last[1]))
    rows.append(("paper", "< 0 throughout", "—", "small", "≈ 45, or near 0"))
    head = ("DI", "max Re eig, end", "dt/stable dt", "∠(NDI, DI) (°), mean", "∠(B, −Wᵀ) (°), end")
    print_table("Figure 3 c–f, h–j", head, rows, note=f"{len(curves.seeds)} seed(s); ± is over seeds.")


def tell_images(found: mnist.Mnist) -> None:
    """Final errors beside the paper's."""
    notes = {
        "4a": "The paper's numbers are those after 10 epochs of 784-1000-10.",
        "4b": f"The paper gives no numbers; its axis is 0.04 to 0.12. The mean image has {found.constant:.3g}.",
    }
    for part, what in (("4a", "test error (%)"), ("4b", "training error of a pixel")):
        rows = [
            (label, SEEN.get(label, "—"), spread(rows[:, 0].tolist()), spread(rows[:, -1].tolist()))
            for (where, label), rows in found.curves.items()
            if where == part
        ]
        shown = found.examples[part][-1]
        head = ("algorithm", "paper, full scale", "untrained", f"after {shown}")
        print_table(f"Figure {part}: {what}", head, rows, note=notes[part])


def main() -> None:
    """Compute, draw, tell."""
    settings = parse(__doc__, parts=PARTS)
    torch.set_num_threads(1 if settings.quick else torch.get_num_threads())
    results = read_results(settings.folder)
    run = {"quick": settings.quick, "seeds": settings.seeds}
    with Progress() as progress:
        if settings.wants("figure_3"):
            curves = regression.compute(settings, progress)
            results["figure_3"] = {**run, **regression.numbers(curves)}
            print(draw_figure_3(curves, settings.folder, quick=settings.quick))
            for name in curves.examples:
                tell_errors(curves, name)
            tell_claims(curves)
            write_results(settings.folder, results)
        if settings.wants("figure_4"):
            found = mnist.compute(settings, progress)
            results["figure_4"] = {**run, "scale": attrs.asdict(found.scale), **mnist.numbers(found)}
            print(draw_figure_4(found, settings.folder, quick=settings.quick))
            tell_images(found)
            write_results(settings.folder, results)


if __name__ == "__main__":
    sys.exit(guarded(main, name="Podlaski_2020"))
