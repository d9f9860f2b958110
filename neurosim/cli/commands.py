"""Each command: from its arguments to what it prints and its exit status; loads what it needs when it runs."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosim.cli.statuses import BAD_RUN, DONE, FELL_SHORT, INTERRUPTED
from neurosim.errors import OutputError, SpecError, nearest

if TYPE_CHECKING:
    from neurosim.emulate import Weights
    from neurosim.spec import Spec


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


def run_command(options: argparse.Namespace) -> int:
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


def verify_command(options: argparse.Namespace) -> int:
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


def budget_command(options: argparse.Namespace) -> int:
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


def presets_command(options: argparse.Namespace) -> int:
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


def show_command(options: argparse.Namespace) -> int:
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


def export_command(options: argparse.Namespace) -> int:
    from neurosim.io import export_result
    from neurosim.report.progress import Progress

    with Progress(quiet=options.quiet) as progress:
        losses = export_result(
            options.result, options.out, options.format, threshold=options.threshold, progress=progress
        )
    if not options.quiet:
        _print_losses(options.out, losses)
    return DONE


def import_command(options: argparse.Namespace) -> int:
    from neurosim.io import import_spec

    losses = import_spec(options.file, options.out)
    if not options.quiet:
        _print_losses(options.out, losses)
        print(f"{options.out}: a spec whose network starts with the weights in {options.file}")
    return DONE


def _print_losses(out: str, losses: Sequence[str]) -> None:
    if losses:
        print(f"{out} is without")
    for loss in losses:
        print(f"  {loss}")


def doctor_command(options: argparse.Namespace) -> int:
    from neurosim.experiment.machine import BROKEN, look_around
    from neurosim.report.machine import findings_as_json, print_findings

    findings = look_around()
    if options.json:
        _print_json(findings_as_json(findings))
    else:
        print_findings(findings, _console())
    return FELL_SHORT if any(finding.state == BROKEN for finding in findings) else DONE


def cost_command(options: argparse.Namespace) -> int:
    from neurosim.emulate import cost_of
    from neurosim.report.cost import cost_as_json, print_cost
    from neurosim.report.cost_picture import FORMATS, draw_cost

    spec = _spec(options)
    if options.plot:
        _check_picture(options.plot, FORMATS)
    given = {name: getattr(options, name) for name in ("activity", "dac_bits", "adc_bits")}
    cost = cost_of(
        spec, weights=_start(spec), **{name: value for name, value in given.items() if value is not None}
    )
    if options.plot:
        draw_cost(cost, options.plot)
    if options.json:
        _print_json(cost_as_json(cost))
    else:
        print_cost(cost, _console())
    return DONE


def _start(spec: Spec) -> Weights | None:
    """Weights that the spec names a file of; None where they are drawn."""
    from neurosim.experiment import Start

    return Start.of(spec).weights if spec.network.weights.file else None


def _print_json(document: dict[str, Any]) -> None:
    import json

    print(json.dumps(document, allow_nan=False, indent=2))


def _console() -> Any:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 120)


def equations_command(options: argparse.Namespace) -> int:
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
