"""From a spec to a drawn chip and a Design, with a user's mistakes named by key; builds nothing."""

from __future__ import annotations

from hardware_models import Chip, ChipError, QuantityError, chip_from_table
from neurosim.equations import Design
from neurosim.errors import SpecError
from neurosim.learning import LearnedDirect, Method, circuit_of, feedback_shapes, method_of
from neurosim.learning.circuit import CONTROLLER
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


def design_of(spec: Spec, *, columns: int | None = None, sleeps: bool = False) -> Design:
    """What `assemble` needs for a spec; `columns` overrides the batch. `sleeps`: the spec is that of a sleep phase."""
    chip, parts, network = chip_of(spec), method_of(spec.method.name), spec.network
    _check_apical(spec, parts, sleeps=sleeps)
    circuit = circuit_of(parts, spec.method, network)
    tau_soma = network.tau_soma_ratio * chip.time_base
    try:
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
        if chip.noise:
            chip.soma_noise_current(tau_soma)
            chip.apical_noise(tau_soma, network.tau_apical_ratio * chip.time_base)
    except ChipError as error:
        raise SpecError(
            "the chip cannot be biased for this spec",
            where=f"{spec.source or 'spec'}: chip",
            got=str(error),
            remedy="change chip.time_base, a capacitance, or the spec's time constants",
        ) from None
    return Design(
        network=network,
        method=spec.method,
        parts=parts,
        chip=chip,
        draw=draw,
        loss=spec.task.loss,
        dt_ratio=spec.run.dt_ratio,
        columns=columns or spec.run.batch,
        sleeps=sleeps,
    )


def _check_apical(spec: Spec, parts: Method, *, sleeps: bool) -> None:
    """Feedback is learned from noise that the apical compartment holds for a while."""
    feedback = parts.feedback
    learns = isinstance(feedback, LearnedDirect) and (sleeps or feedback.awake)
    if learns and spec.network.tau_apical_ratio == 0:
        raise SpecError(
            "an apical compartment without a time constant keeps no noise to learn feedback from",
            where=f"{spec.source or 'spec'}: network.tau_apical_ratio",
            expected=f"> 0 for {spec.method.name}",
            got="0",
            remedy="set it, such as 0.05",
        )


def noise_key(spec: Spec, *, place: int | str, passage: int, sleeps: bool = False) -> int:
    """The 31-bit key of the noise of a layer or population in one run."""
    seed = int(spec.chip.get("seed", 1))
    asleep = ("asleep",) if sleeps else ()
    return int(stream(seed, "noise", spec.run.seed, place, passage, *asleep).integers(2**31))
