"""From a spec to a drawn chip and a Design, with a user's mistakes named by key; builds nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hardware_models import Chip, ChipError, Preset, PresetError, QuantityError, preset_from_table
from hardware_models.compartment import MOST_RANGES_SINGLE
from neurosim.emulate.written import cell_arrays
from neurosim.equations import Design
from neurosim.equations.noises import noises_of
from neurosim.errors import SpecError
from neurosim.learning import circuit_of, feedback_shapes, method_of
from neurosim.learning.circuit import CONTROLLER
from neurosim.learning.from_noise import check_learnable, learns_from_noise
from neurosim.spec import Spec
from neurosim.spec.streams import stream


def chip_of(spec: Spec) -> Chip:
    """The chip that a spec's table names; SpecError names the key, what it expects and what it got.

    A chip's own file is looked for beside the spec.
    """
    folder = Path(spec.source).parent if spec.source else Path()
    return preset_of(spec.chip, folder=folder, where=spec.source or "spec").chip


def preset_of(table: Mapping[str, Any], *, folder: Path, where: str) -> Preset:
    """The chip of a table {"name": …} or {"file": …} with where its numbers are from; SpecError as `chip_of`."""
    file = table.get("file")
    place = str(folder / file) if isinstance(file, str) else where
    try:
        return preset_from_table(table, folder=folder)
    except KeyError as error:
        path, got, hint = error.args
        raise SpecError(
            "no such chip" if path == "name" else f'unknown key "chip.{path}"',
            where=f"{place}: chip.{path}",
            got=repr(got),
            remedy=hint,
        ) from None
    except PresetError as error:
        raise SpecError(
            error.message,
            where=place if error.key == "file" else f"{place}: {'' if error.whole else 'chip.'}{error.key}",
            expected=error.expected,
            got=error.got,
            remedy=error.remedy,
        ) from None
    except QuantityError as error:
        raise SpecError(
            "bad value", where=f"{place}: chip.{error.key}", expected=error.expected, got=error.got
        ) from None


def siblings(specs: Sequence[Spec]) -> list[Chip]:
    """The chip of each spec; those that differ in their seed alone are read once. SpecError as `chip_of`."""
    read: list[tuple[Spec, Chip]] = []
    found = []
    for spec in specs:
        seed = spec.chip.get("seed")
        chip = next((chip for other, chip in read if seed is not None and _is_sibling(spec, other)), None)
        if chip is None:
            chip = chip_of(spec)
            read.append((spec, chip))
        found.append(chip if seed in (None, chip.seed) else chip.sibling(seed))
    return found


def _is_sibling(spec: Spec, other: Spec) -> bool:
    return spec.source == other.source and {**spec.chip, "seed": 0} == {**other.chip, "seed": 0}


def design_of(
    spec: Spec, *, columns: int | None = None, sleeps: bool = False, chip: Chip | None = None
) -> Design:
    """What `assemble` needs for a spec; `columns` overrides the batch. `sleeps`: the spec is that of a sleep phase.
    `chip`: the spec's, if that was read before."""
    chip, parts, network = chip or chip_of(spec), method_of(spec.method.name), spec.network
    if learns_from_noise(parts, asleep=sleeps):
        check_learnable(network, spec.method)
    circuit = circuit_of(parts, spec.method, network)
    tau_soma = network.tau_soma_ratio * chip.time_base
    with biased(spec):
        draw = chip.draw(
            network.layers,
            lambda name: stream(chip.seed, "chip", name),
            tau_soma=tau_soma,
            feedback=feedback_shapes(parts.feedback, network.layers),
            populations={
                p.name: (network.layers[p.layer], p.tau == CONTROLLER)
                for p in (circuit.populations if circuit else ())
            },
        )
        if chip.saturating:
            chip.soma_point(tau_soma)
            chip.controller_point()
        if draw is not None:
            chip.dendrite_point("apical")
        if chip.controller.output_stage.present:
            chip.output_point()
        arrays = cell_arrays(chip, network, parts.feedback)
    design = Design(
        network=network,
        method=spec.method,
        parts=parts,
        chip=chip,
        draw=draw,
        loss=spec.task.loss,
        dt_ratio=spec.run.dt_ratio,
        columns=columns or spec.run.batch,
        precision=spec.run.precision,
        sleeps=sleeps,
        arrays=arrays,
    )
    with biased(spec):
        noises_of(design)
        _check_precision(spec, design)
    return design


@contextmanager
def biased(spec: Spec) -> Iterator[None]:
    """A ChipError inside becomes a SpecError: the spec asks of its chip what its geometry cannot give."""
    try:
        yield
    except ChipError as error:
        raise SpecError(
            "the chip cannot be biased for this spec",
            where=f"{spec.source or 'spec'}: chip.{error.key}",
            expected=error.expected,
            got=error.got,
            remedy="change the geometry, chip.time_base, a capacitance, or the spec's time constants",
        ) from None


def _check_precision(spec: Spec, design: Design) -> None:
    """A compartment that follows its input at once has the voltage at which its conductance carries that: near the
    conductance's limit single precision cannot tell which."""
    chip, ratios = design.chip, {"basal": spec.network.tau_basal_ratio}
    if design.circuit is None:
        ratios["apical"] = spec.network.tau_apical_ratio
    for name in (name for name, ratio in ratios.items() if ratio == 0 and spec.run.precision == "float32"):
        linear_range, limit = chip.dendrite_point(name).linear_range, chip.dendrite_limit(name)
        if np.isfinite(float(linear_range)) and float(limit) > MOST_RANGES_SINGLE * float(linear_range):
            raise SpecError(
                f"the {name} compartment saturates too far for single precision",
                where=f"{spec.source or 'spec'}: run.precision",
                expected=f"voltages within {MOST_RANGES_SINGLE} linear ranges ({linear_range}), or float64",
                got=f"{spec.run.precision}, and voltages up to {limit}",
                remedy='set run.precision = "float64", or rails that are nearer to the linear range',
            )


def noise_key(spec: Spec, *, seed: int, place: int | str, passage: int, sleeps: bool = False) -> int:
    """The 31-bit key of the noise of a layer or population in one run of the chip `seed`."""
    asleep = ("asleep",) if sleeps else ()
    return int(stream(seed, "noise", spec.run.seed, place, passage, *asleep).integers(2**31))
