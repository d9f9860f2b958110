"""What can be typed behind `neurosim`: commands, their arguments and help; does nothing itself."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from neurosim.cli import commands
from neurosim.cli.statuses import BAD_USE
from neurosim.version import __version__

EXPORTS = ("hdf5", "nir", "sonata")
"""Names in `neurosim.io.FORMATS`, which takes longer to load than `--help` should."""
JSON = "print one JSON document instead of tables"


class _Parser(argparse.ArgumentParser):
    """argparse with a short message for what it cannot read."""

    def error(self, message: str) -> Any:
        print(f"neurosim: {message}\n  remedy: see `{self.prog} --help`", file=sys.stderr)
        raise SystemExit(BAD_USE)


def parser_of_commands() -> argparse.ArgumentParser:
    parser = _Parser(prog="neurosim", description="Will this analog chip learn? Find out before tape-out.")
    parser.add_argument("--version", action="version", version=f"neurosim {__version__}")
    subparsers = parser.add_subparsers(
        title="commands", required=True, metavar="COMMAND", parser_class=_Parser
    )

    def plain(name: str, function: Any, text: str, description: str = "") -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=text, description=description or text)
        sub.add_argument("--debug", action="store_true", help="show tracebacks")
        sub.set_defaults(command=function)
        return sub

    def command(
        name: str, function: Any, text: str, *, optional: str | None = None
    ) -> argparse.ArgumentParser:
        sub = plain(name, function, text)
        sub.add_argument("spec", metavar="SPEC", help="a TOML file; see examples/specs", nargs=optional)
        sub.add_argument(
            "--backend", choices=("numpy", "cpp", "cuda"), help="engine; default: the spec's run.backend"
        )
        sub.add_argument("--seed", type=int, metavar="N", help="the same as --set run.seed=N")
        sub.add_argument(
            "--set", action="append", default=[], metavar="table.key=value", help="change a key of the spec"
        )
        return sub

    run = command(
        "run",
        commands.run_command,
        "train, test after every epoch, verify a sample, write the result",
        optional="?",
    )
    run.add_argument(
        "--from",
        dest="earlier",
        metavar="RESULT.h5",
        help="instead of SPEC: go on with this run, as if it had never stopped",
    )
    run.add_argument(
        "--out",
        metavar="FILE.h5",
        help="where to write the result; default: results/<spec>.h5, or the file that the run goes on from",
    )
    run.add_argument("--plot", metavar="FILE.png", help="also draw learning curves and traces")
    run.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    run.add_argument("--quiet", action="store_true", help="no progress and no tables")
    verify = command(
        "verify", commands.verify_command, "hold settled states and trajectories against the reference"
    )
    verify.add_argument("--tolerance", type=float, metavar="T", help="of settled states; default 1e-6")
    verify.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    verify.add_argument("--quiet", action="store_true", help="no progress and no table")
    command(
        "equations", commands.equations_command, "print the equations, parameters and wiring that will run"
    )
    cost = command(
        "cost", commands.cost_command, "power, area, time and energy of the network on its chip, part by part"
    )
    cost.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    cost.add_argument("--plot", metavar="FILE", help="also draw the parts as bars: .png, .svg or .pdf")
    cost.add_argument(
        "--activity", type=float, metavar="A", help="mean |rate| of inputs, neurons; default 0.5"
    )
    cost.add_argument(
        "--dac-bits", type=int, metavar="N", help="of inputs and targets; 0: none; default: the chip's, or 8"
    )
    cost.add_argument(
        "--adc-bits", type=int, metavar="N", help="of outputs; 0: none; default: the chip's, or 8"
    )
    budget = command(
        "budget", commands.budget_command, "what each imperfection of the chip does to the learning signals"
    )
    budget.add_argument(
        "--chips",
        type=int,
        default=50,
        metavar="N",
        help="emulated with each imperfection; 0: closed forms only",
    )
    budget.add_argument("--samples", type=int, default=8, metavar="N", help="of the test set; default 8")
    budget.add_argument(
        "--age",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="since weights were written into the chip's memory; default 0",
    )
    budget.add_argument("--out", metavar="FILE.h5", help="also write the budget as a result file")
    budget.add_argument("--plot", metavar="FILE.png", help="also draw it")
    budget.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    budget.add_argument("--quiet", action="store_true", help="no progress and no tables")
    export = plain(
        "export",
        commands.export_command,
        "a result in a format that other programs read",
        "Write the network of a result, with what its chip drew and its traces, in another format.",
    )
    export.add_argument("result", metavar="RESULT", help="a file that `neurosim run` wrote")
    export.add_argument("out", metavar="OUT", help="a new folder (sonata), or a file (hdf5, nir)")
    export.add_argument(
        "--format",
        required=True,
        choices=EXPORTS,
        help="sonata: circuit and reports; nir: layers and controller as a graph; hdf5: a result file of this version",
    )
    export.add_argument(
        "--threshold",
        type=float,
        default=0.0,
        metavar="T",
        help="leave out weights of a smaller magnitude; default 0: none",
    )
    export.add_argument(
        "--quiet", action="store_true", help="no progress, and no word on what the format leaves out"
    )
    given = plain(
        "import",
        commands.import_command,
        "a spec whose network starts with weights from elsewhere",
        "Write a spec for the network in a NIR graph, a SONATA circuit of neurosim or a result. Weights that come as "
        "plain HDF5 or npz are named in a spec under [network.weights].",
    )
    given.add_argument("file", metavar="FILE", help="a NIR file, a circuit's folder, or a result")
    given.add_argument("out", metavar="SPEC.toml", help="a new spec")
    given.add_argument("--quiet", action="store_true", help="no word on what the spec leaves out")
    show = plain(
        "show",
        commands.show_command,
        "what is in a result: sizes, ranges, units, status",
        "Print a line for every array of a result file, and what the run came to.",
    )
    show.add_argument("result", metavar="RESULT", help="a file that `neurosim run` wrote")
    show.add_argument(
        "--plot",
        metavar="FILE",
        help="also draw weight matrices, weights and degrees: .png, .svg or .pdf",
    )
    show.add_argument(
        "--threshold",
        type=float,
        metavar="T",
        help="degrees count weights of at least this magnitude; default: their root mean square",
    )
    show.add_argument("--json", action="store_true", help=JSON)
    doctor = plain(
        "doctor",
        commands.doctor_command,
        "what this machine can do: engines, BLAS, build cache, CUDA's tools, data sets",
        "Try everything that neurosim can use. Exit status 1 if something that is there does not work.",
    )
    doctor.add_argument("--json", action="store_true", help=JSON)
    presets = plain(
        "presets",
        commands.presets_command,
        "chips and processes, each number with unit, source and range",
        "List the chips; with a name, or the TOML file of a chip of your own, print every number of it.",
    )
    presets.add_argument(
        "name", nargs="?", metavar="NAME", help="a chip's name, or a file such as my_chip.toml"
    )
    presets.add_argument("--json", action="store_true", help=JSON)
    return parser
