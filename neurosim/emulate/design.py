"""From a spec to a drawn chip and a Design, with a user's mistakes named by key; builds nothing."""

from __future__ import annotations

from hardware_models import Chip, ChipError, QuantityError, chip_from_table
from neurosim.equations import Design
from neurosim.errors import SpecError
from neurosim.spec import Spec
from neurosim.spec.streams import stream


def chip_of(spec: Spec) -> Chip:
    """The chip that a spec's table names; SpecError names the key, what it expects and what it got."""
    try:
        return chip_from_table(spec.chip)
    except KeyError as error:
        path, got, hint = error.args
        raise SpecError(
            "no such chip" if path == "name" else f'unknown key "chip.{path}"',
            where=f"{spec.source or 'spec'}: chip.{path}",
            got=repr(got),
            remedy=hint,
        ) from None
    except QuantityError as error:
        key = getattr(error, "key", "")
        raise SpecError(
            "bad value", where=f"{spec.source or 'spec'}: chip.{key}", expected=error.expected, got=error.got
        ) from None


def design_of(spec: Spec, *, columns: int | None = None) -> Design:
    """What `assemble` needs for a spec; `columns` overrides the batch."""
    chip = chip_of(spec)
    try:
        draw = chip.draw(
            spec.network.layers,
            lambda name: stream(chip.seed, "chip", name),
            tau_soma=spec.network.tau_soma_ratio * chip.time_base,
        )
        if chip.noise:
            tau_soma = spec.network.tau_soma_ratio * chip.time_base
            chip.soma_noise_current(tau_soma)
            chip.apical_noise(tau_soma, spec.network.tau_apical_ratio * chip.time_base)
    except ChipError as error:
        raise SpecError(
            "the chip cannot be biased for this spec",
            where=f"{spec.source or 'spec'}: chip",
            got=str(error),
            remedy="change chip.time_base, a capacitance, or the spec's time constants",
        ) from None
    return Design(
        network=spec.network,
        method=spec.method,
        chip=chip,
        draw=draw,
        loss=spec.task.loss,
        dt_ratio=spec.run.dt_ratio,
        columns=columns or spec.run.batch,
    )


def noise_key(spec: Spec, *, layer: int, passage: int) -> int:
    """The 31-bit key of a layer's noise in one run."""
    seed = int(spec.chip.get("seed", 1))
    return int(stream(seed, "noise", spec.run.seed, layer, passage).integers(2**31))
