"""The command line: reads arguments, calls one function, prints, and turns outcomes into exit statuses."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from neurosim.errors import NeurosimError, OutputError, SpecError, nearest
from neurosim.version import __version__

if TYPE_CHECKING:
    from neurosim.spec import Spec

DONE, FELL_SHORT, BAD_USE, BAD_RUN, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit statuses; 130 is the shell's for an interrupt."""


EXPORTS = ("hdf5", "sonata")
"""Names in `neurosim.io.FORMATS`, which takes longer to load than `--help` should."""

_PLACES = ("/checkpoint", "/connectivity/", "/learning/")
"""Within a result, as errors that do not know its file name them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. Errors go to standard error, without a traceback."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        status = int(options.command(options))
        sys.stdout.flush()
        return status
    except (NeurosimError, MemoryError) as error:
        if options.debug:
            raise
        told = error if isinstance(error, NeurosimError) else _out_of_memory(options, error)
        if "spec" in options and (_is_key(told.where) or told.where.startswith(_PLACES)):
            told = told.within(_asked(options))
        print(f"neurosim: {told.report()}", file=sys.stderr)
        return told.exit_status
    except KeyboardInterrupt:
        print("neurosim: interrupted; what was written is kept", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BAD_USE


def _asked(options: argparse.Namespace) -> str:
    """The file whose spec is to be followed."""
    return str(options.spec or options.earlier)


def _is_key(where: str) -> bool:
    """Whether a place is a key of the spec, without the file that it stands in."""
    from neurosim.spec import Spec

    table, dot, key = where.partition(".")
    return bool(dot) and bool(key) and table in {*attrs.fields_dict(Spec)}


def _out_of_memory(options: argparse.Namespace, error: MemoryError) -> NeurosimError:
    return SpecError(
        "not enough memory",
        where=_asked(options),
        got=str(error),
        remedy="make network.layers, run.batch or the task's samples smaller",
    )


class _Parser(argparse.ArgumentParser):
    """argparse with a short message for what it cannot read."""

    def error(self, message: str) -> Any:
        print(f"neurosim: {message}\n  remedy: see `{self.prog} --help`", file=sys.stderr)
        raise SystemExit(BAD_USE)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="neurosim", description="Will this analog chip learn? Find out before tape-out.")
    parser.add_argument("--version", action="version", version=f"neurosim {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=_Parser)

    def command(
        name: str, function: Any, text: str, *, optional: str | None = None
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("spec", metavar="SPEC", help="a TOML file; see examples/specs", nargs=optional)
        sub.add_argument(
            "--backend", choices=("numpy", "cpp", "cuda"), help="engine; default: the spec's run.backend"
        )
        sub.add_argument("--seed", type=int, metavar="N", help="the same as --set run.seed=N")
        sub.add_argument(
            "--set", action="append", default=[], metavar="table.key=value", help="change a key of the spec"
        )
        sub.add_argument("--debug", action="store_true", help="show tracebacks")
        sub.set_defaults(command=function)
        return sub

    run = command(
        "run", _run, "train, test after every epoch, verify a sample, write the result", optional="?"
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
    verify = command("verify", _verify, "hold settled states and trajectories against the reference")
    verify.add_argument("--tolerance", type=float, metavar="T", help="of settled states; default 1e-6")
    verify.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    verify.add_argument("--quiet", action="store_true", help="no progress and no table")
    command("equations", _equations, "print the equations, parameters and wiring that will run")
    cost = command("cost", _cost, "power, area, time and energy of the network on its chip, part by part")
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
    budget = command("budget", _budget, "what each imperfection of the chip does to the learning signals")
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
    export = commands.add_parser(
        "export",
        help="a result in a format that other programs read",
        description="Write the network of a result, with what its chip drew and its traces, in another format.",
    )
    export.add_argument("result", metavar="RESULT", help="a file that `neurosim run` wrote")
    export.add_argument("out", metavar="OUT", help="a new folder (sonata), or a file (hdf5)")
    export.add_argument(
        "--format",
        required=True,
        choices=EXPORTS,
        help="sonata: circuit and reports; hdf5: a result file of this version",
    )
    export.add_argument(
        "--threshold",
        type=float,
        default=0.0,
        metavar="T",
        help="leave out weights of a smaller magnitude; default 0: none",
    )
    export.add_argument("--quiet", action="store_true", help="no progress")
    export.add_argument("--debug", action="store_true", help="show tracebacks")
    export.set_defaults(command=_export)
    show = commands.add_parser(
        "show",
        help="what is in a result: sizes, ranges, units, status",
        description="Print a line for every array of a result file, and what the run came to.",
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
    show.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    show.add_argument("--debug", action="store_true", help="show tracebacks")
    show.set_defaults(command=_show)
    doctor = commands.add_parser(
        "doctor",
        help="what this machine can do: engines, BLAS, build cache, CUDA's tools, data sets",
        description="Try everything that neurosim can use. Exit status 1 if something that is there does not work.",
    )
    doctor.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    doctor.add_argument("--debug", action="store_true", help="show tracebacks")
    doctor.set_defaults(command=_doctor)
    presets = commands.add_parser(
        "presets",
        help="chips and processes, each number with unit, source and range",
        description="List the chips; with a name, or the TOML file of a chip of your own, print every number of it.",
    )
    presets.add_argument(
        "name", nargs="?", metavar="NAME", help="a chip's name, or a file such as my_chip.toml"
    )
    presets.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    presets.add_argument("--debug", action="store_true", help="show tracebacks")
    presets.set_defaults(command=_presets)
    return parser


def _spec(options: argparse.Namespace) -> Spec:
    from neurosim.spec import read_spec

    spec = read_spec(options.spec, overrides=_overrides(options))
    _check_names(spec)
    return spec


def _overrides(options: argparse.Namespace) -> list[str]:
    overrides = list(options.set)
    if options.seed is not None:
        overrides.append(f"run.seed={options.seed}")
    if options.backend is not None:
        overrides.append(f"run.backend={options.backend}")
    return overrides


def _spec_and_earlier(options: argparse.Namespace) -> tuple[Spec, Any]:
    """The spec of a run, and the result that it goes on from, if any."""
    if (options.spec is None) == (options.earlier is None):
        raise SpecError(
            "nothing to run" if options.spec is None else "one too many to run",
            where="neurosim run",
            expected="either SPEC or --from RESULT.h5",
            remedy="see `neurosim run --help`",
        )
    if options.earlier is None:
        return _spec(options), None
    from neurosim.io import read_result

    earlier = read_result(options.earlier)
    from neurosim.experiment import spec_of

    spec = spec_of(earlier, where=options.earlier, overrides=_overrides(options))
    _check_names(spec)
    return spec, earlier


def _check_names(spec: Spec) -> None:
    """Refuse now, before data are loaded, what only the tables of methods and of chips can refuse."""
    from neurosim.emulate import chip_of
    from neurosim.learning import method_of

    try:
        method_of(spec.method.name)
    except SpecError as error:
        raise error.within(spec.source) from None
    chip_of(spec)


def _run(options: argparse.Namespace) -> int:
    from neurosim.io import check_writable, write_result

    spec, earlier = _spec_and_earlier(options)
    out = _output(options)
    check_writable(out)
    if options.plot:
        from neurosim.report.picture import FORMATS

        _check_picture(options.plot, FORMATS)
    from neurosim.experiment import Watcher, run
    from neurosim.report import as_json, draw_run, print_summary
    from neurosim.report.progress import Progress

    with Progress(quiet=options.quiet or options.json) as progress:
        watcher = Watcher(progress=progress, checkpoint=lambda result: write_result(result, out))
        finished = run(spec, watcher=watcher, earlier=earlier)
    result = finished.result
    write_result(result, out)
    if options.plot:
        shown = finished.verification.displacements if finished.verification else None
        draw_run(result, options.plot, displacements=shown)
    if options.json:
        _print_json({**as_json(result), "out": str(out)})
    elif not options.quiet:
        print_summary(result, _console())
        print(f"result: {out}")
    return _status_of(result)


def _output(options: argparse.Namespace) -> Path:
    """Where the result goes; the folder results is made, another one is the user's to make."""
    if options.out is not None or options.earlier is not None:
        return Path(options.out or options.earlier)
    folder = Path("results")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            "cannot be made", where=str(folder), got=str(error), remedy="name a file with --out"
        ) from None
    return folder / f"{Path(options.spec).stem}.h5"


def _check_picture(path: str, formats: Sequence[str]) -> None:
    from neurosim.io import check_writable

    if Path(path).suffix.lower() not in formats:
        raise OutputError("no such picture format", where=path, expected="a name in " + " or ".join(formats))
    check_writable(path)


def _status_of(result: Any) -> int:
    from neurosim.result import INTERRUPTED as STOPPED

    if result.status.kind == STOPPED:
        print(f"neurosim: {result.status.message}; what was finished is kept", file=sys.stderr)
        return INTERRUPTED
    if not result.status.good:
        print(f"neurosim: {result.status.kind}: {result.status.message}", file=sys.stderr)
        return BAD_RUN
    short = [check.name for check in result.verification if check.gating and not check.passed]
    if short:
        print(f"neurosim: checks fell short: {', '.join(short)}", file=sys.stderr)
        return FELL_SHORT
    return DONE


def _verify(options: argparse.Namespace) -> int:
    spec = _spec(options)
    if options.tolerance is not None and not 0 < options.tolerance < math.inf:
        raise SpecError(
            "bad value", where="--tolerance", expected="a finite number > 0", got=str(options.tolerance)
        )
    from neurosim.experiment import verify
    from neurosim.report import checks_as_json, print_verification
    from neurosim.report.progress import Progress

    with Progress(quiet=options.quiet or options.json) as progress:
        verification = verify(spec, tolerance=options.tolerance, progress=progress)
    if options.json:
        _print_json(checks_as_json(verification.checks, verification.facts))
    elif not options.quiet:
        print_verification(verification.checks, _console())
    return DONE if verification.passed else FELL_SHORT


def _budget(options: argparse.Namespace) -> int:
    spec = _spec(options)
    for name, least in (("chips", 0), ("samples", 1)):
        if getattr(options, name) < least:
            raise SpecError(
                "bad value",
                where=f"--{name}",
                expected=f"a whole number >= {least}",
                got=str(getattr(options, name)),
            )
    if not 0 <= options.age < float("inf"):
        raise SpecError("bad value", where="--age", expected="seconds, at least 0", got=f"{options.age:g}")
    from neurosim.io import check_writable

    if options.out:
        check_writable(options.out)
    if options.plot:
        from neurosim.report.picture import FORMATS

        _check_picture(options.plot, FORMATS)
    from neurosim.experiment.budget import as_result, error_budget
    from neurosim.io import write_result
    from neurosim.report.budget import budget_as_json, draw_budget, print_budget
    from neurosim.report.progress import Progress

    with Progress(quiet=options.quiet or options.json) as progress:
        budget = error_budget(
            spec, chips=options.chips, samples=options.samples, age=options.age, progress=progress
        )
    if options.out:
        write_result(as_result(spec, budget), options.out)
    if options.plot:
        draw_budget(budget, options.plot)
    if options.json:
        _print_json(budget_as_json(budget))
    elif not options.quiet:
        print_budget(budget, _console())
    return DONE


def _presets(options: argparse.Namespace) -> int:
    from neurosim.emulate import preset_of
    from neurosim.report.presets import preset_names, presets_as_json, print_preset, print_presets

    if options.name is None:
        found = [preset_of({"name": name}, folder=Path(), where="neurosim") for name in preset_names()]
    else:
        key = "file" if options.name.endswith(".toml") else "name"
        found = [preset_of({key: options.name}, folder=Path(), where=options.name)]
    if options.json:
        _print_json(presets_as_json(found))
    elif options.name is None:
        print_presets(found, _console())
    else:
        print_preset(found[0], _console())
    return DONE


def _show(options: argparse.Namespace) -> int:
    from neurosim.io import open_result
    from neurosim.report.connectivity_picture import FORMATS, draw_connectivity
    from neurosim.report.contents import contents_as_json, print_contents

    threshold = options.threshold
    if threshold is not None and not 0 <= threshold < math.inf:
        raise OutputError(
            "bad value", where="--threshold", expected="a finite number >= 0", got=str(threshold)
        )
    if options.plot:
        _check_picture(options.plot, FORMATS)
    with open_result(options.result) as result:
        if options.plot:
            draw_connectivity(result, options.plot, threshold=threshold)
        if options.json:
            _print_json(contents_as_json(result))
        else:
            print_contents(result, _console())
    return DONE


def _export(options: argparse.Namespace) -> int:
    from neurosim.io import export_result
    from neurosim.report.progress import Progress

    with Progress(quiet=options.quiet) as progress:
        export_result(
            options.result, options.out, options.format, threshold=options.threshold, progress=progress
        )
    return DONE


def _doctor(options: argparse.Namespace) -> int:
    from neurosim.experiment.machine import BROKEN, look_around
    from neurosim.report.machine import findings_as_json, print_findings

    findings = look_around()
    if options.json:
        _print_json(findings_as_json(findings))
    else:
        print_findings(findings, _console())
    return FELL_SHORT if any(finding.state == BROKEN for finding in findings) else DONE


def _cost(options: argparse.Namespace) -> int:
    from neurosim.emulate import cost_of
    from neurosim.report.cost import cost_as_json, print_cost
    from neurosim.report.cost_picture import FORMATS, draw_cost

    spec = _spec(options)
    if options.plot:
        _check_picture(options.plot, FORMATS)
    given = {name: getattr(options, name) for name in ("activity", "dac_bits", "adc_bits")}
    cost = cost_of(spec, **{name: value for name, value in given.items() if value is not None})
    if options.plot:
        draw_cost(cost, options.plot)
    if options.json:
        _print_json(cost_as_json(cost))
    else:
        print_cost(cost, _console())
    return DONE


def _print_json(document: dict[str, Any]) -> None:
    import json

    print(json.dumps(document, allow_nan=False, indent=2))


def _console() -> Any:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 120)


def _equations(options: argparse.Namespace) -> int:
    spec = _spec(options)
    from neurosim.emulate import design_of
    from neurosim.equations import assemble, describe
    from neurosim.learning import METHODS, method_of
    from neurosim.spec import asleep

    if not method_of(spec.method.name).dynamical:
        simulated = [name for name, method in METHODS.items() if method.dynamical]
        raise SpecError(
            f"{spec.method.name} has no dynamics, so no equations run",
            where=f"{spec.source}: method.name",
            expected="one of " + ", ".join(simulated),
            remedy=nearest(spec.method.name, simulated),
        )
    print(describe(assemble(design_of(spec))))
    if method_of(spec.method.name).sleeps:
        print("\n# Asleep, while feedback weights are learned from noise:\n")
        print(describe(assemble(design_of(asleep(spec), sleeps=True))))
    return DONE


if __name__ == "__main__":
    raise SystemExit(main())
