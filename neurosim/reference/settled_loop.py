"""A settled loop that can be asked again with small deviations: what learning is made of there; knows no device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.reference.feedback_path import apical_slopes, resting_apicals
from neurosim.reference.feedforward import Activity, run_forward
from neurosim.reference.fixed_point import solve_fixed_point
from neurosim.reference.jacobians import output_sensitivity
from neurosim.reference.parameters import Parameters
from neurosim.reference.plant import Controller, Layer, assemble_controller, assemble_plant
from neurosim.reference.targets import target as nudged
from neurosim.reference.tensors import shaped
from neurosim.reference.wiring import Wiring, assemble_feedback
from neurosim.spec.deviations import Deviations
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network

LAYER_KINDS = ("leak", "basal_gain", "apical_gain", "offset", "slope", "comparator_offset")
"""Fields of `Layer` with one number a neuron."""
DENDRITE_KINDS = {
    "basal_leak": ("basal", "leak"),
    "basal_offset": ("basal", "offset"),
    "apical_leak": ("apical", "leak"),
    "apical_offset": ("apical", "offset"),
}
"""Kinds of a compartment's deviation: which compartment and which of its fields."""
CONTROLLER_KINDS = {
    "proportional": "proportional_gain",
    "controller_leak": "leak",
    "integral": "integral",
    "gain_leak": "leak",
    "error_offset": "error_offset",
    "output_offset": "output_offset",
}
"""Kinds of a controller's deviation and the field of `Controller` each of them moves."""
STORED = "stored"
"""Kind of what is added to every weight that is stored: W_1 to W_L, b_1 to b_L, then the feedback; on the far side
of the gains of synapses."""
KINDS = (*LAYER_KINDS, *DENDRITE_KINDS, *CONTROLLER_KINDS, "forward_gain", "feedback_gain")
TERMS = (
    "offset",
    "comparator_offset",
    "basal_offset",
    "apical_offset",
    "gain_leak",
    "error_offset",
    "output_offset",
)
"""Kinds that are added to something, beside `STORED`."""
GAINS = tuple(kind for kind in KINDS if kind not in TERMS)
"""Kinds that multiply something, by 1 + δ."""
_ORDER = 2


_Parts = tuple[tuple[Layer, ...], Controller, Wiring]


@attrs.frozen(kw_only=True, eq=False)
class Signals:
    """What learning is made of, once a loop has settled; a batch of B samples."""

    output: Tensor
    """u, (B, n_L)."""
    displacement: tuple[Tensor, ...]
    """v − v_ff of layers 1..L, (B, n_l) each."""
    update: Tensor
    """Mean of post · pre over the batch, all weights and biases in one, without learning rate."""

    def parts(self) -> dict[str, Tensor]:
        """Each as one vector: output, displacement_1.., update."""
        moves = {f"displacement_{l}": v.reshape(-1) for l, v in enumerate(self.displacement, start=1)}
        return {"output": self.output.reshape(-1), **moves, "update": self.update}


@attrs.frozen(kw_only=True, eq=False)
class Loop:
    """A settled loop that can be asked again with small deviations."""

    plant: tuple[Layer, ...]
    controller: Controller
    wiring: Wiring
    auto_zero: bool
    loss: str
    stepsize: float
    inputs: Tensor
    desired: Tensor
    output: Tensor
    """u at the solved state, without the offset of the output stage, (B, n_L)."""
    slope: Tensor
    """−∂R/∂u there, (B, n_L, n_L)."""

    def count(self, kind: str) -> int:
        """How many devices have a deviation of a kind."""
        if kind in LAYER_KINDS or kind in DENDRITE_KINDS:
            return sum(len(layer.leak) for layer in self.plant)
        if kind == "forward_gain":
            return sum(layer.weights.numel() for layer in self.plant)
        if kind == "feedback_gain":
            return sum(matrix.numel() for matrix in self.wiring.weights)
        if kind == STORED:
            return sum(_sizes(self.plant, self.wiring))
        return int(self.output.shape[1])

    def signals(self, deltas: Mapping[str, Tensor] | None = None, *, output: Tensor | None = None) -> Signals:
        """At deviations by kind, (count,) each; None: none.

        Right up to second order in them, or at the `output` (B, n_L) that is known to belong to them.
        """
        parts = self._moved(deltas)
        plant, controller, wiring = parts
        rest = run_forward(plant, self.inputs)
        if output is None:
            target, output = self._target(rest), self.output
            for _ in range(_ORDER):
                missing = self._missing(output, parts, target)
                output = output + torch.linalg.solve(self.slope, missing[:, :, None])[:, :, 0]
        given = output + controller.output_offset
        settled = run_forward(plant, self.inputs, apical=resting_apicals(plant, wiring, given))
        return _signals(plant, given, rest, settled, self.inputs, auto_zero=self.auto_zero)

    def missing(self, output: Tensor, deltas: Mapping[str, Tensor]) -> Tensor:
        """R: what the controller sees at u and these deviations, less what it takes to keep u, (B, n_L)."""
        parts = self._moved(deltas)
        return self._missing(output, parts, self._target(run_forward(parts[0], self.inputs)))

    def _moved(self, deltas: Mapping[str, Tensor] | None) -> _Parts:
        parts = self.plant, self.controller, self.wiring
        for kind, delta in (deltas or {}).items():
            parts = _moved(*parts, kind, delta)
        return parts

    def _target(self, rest: Activity) -> Tensor:
        return nudged(self.loss, rest.output, self.desired, self.stepsize)

    def _missing(self, output: Tensor, parts: _Parts, target: Tensor) -> Tensor:
        plant, controller, wiring = parts
        given = output + controller.output_offset
        found = run_forward(plant, self.inputs, apical=resting_apicals(plant, wiring, given))
        return controller.error(target, found.output) - controller.demand(output)


def _signals(
    plant: Sequence[Layer],
    output: Tensor,
    rest: Activity,
    settled: Activity,
    inputs: Tensor,
    *,
    auto_zero: bool,
) -> Signals:
    moves = tuple(v - b for v, b in zip(settled.soma, settled.basal, strict=True))
    before = (inputs, *settled.rate[:-1])
    parts = []
    for position, layer in enumerate(plant):
        post = layer.difference(settled.soma[position], settled.basal[position])
        if auto_zero:
            post = post - layer.difference(rest.soma[position], rest.basal[position])
        parts += [(post.T @ before[position]).reshape(-1) / len(inputs), post.mean(0)]
    return Signals(output=output, displacement=moves, update=torch.cat(parts))


def settled_loop(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    inputs: Any,
    desired: Any,
    *,
    loss: str,
    deviations: Deviations | None = None,
) -> Loop:
    """The loop at rest for inputs (B, n_0) and desired outputs (B, n_L), on a chip (None: ideal).

    Raises
    ------
    SpecError : a method without a controller, or a loop for which no settled state is found.
    """
    chip = deviations if deviations is not None else Deviations.ideal(network)
    plant = assemble_plant(network, parameters, deviations=deviations)
    rates = shaped(inputs, shape=(None, network.layers[0]), name="inputs")
    wanted = shaped(desired, shape=(len(rates), network.layers[-1]), name="desired")
    target = nudged(loss, run_forward(plant, rates).output, wanted, method.target_stepsize)
    steady = solve_fixed_point(network, parameters, method, rates, target, deviations=deviations)
    if not bool(steady.converged.all()):
        missed = int((~steady.converged).sum())
        raise SpecError(
            "the loop has no settled state that could be linearised about",
            where="method",
            expected="a steady state for every sample",
            got=f"none for {missed} of {len(rates)}",
            remedy="lower method.target_stepsize, or take a method whose feedback is aligned, such as DFC-fixed",
        )
    wiring = assemble_feedback(network, parameters, method, deviations=deviations)
    controller = assemble_controller(network, method, deviations=deviations)
    activity = Activity(soma=steady.soma, rate=steady.rate, basal=steady.basal)
    slope = output_sensitivity(plant, apical_slopes(plant, wiring, steady.apical), activity, steady.apical)
    asked = steady.output - controller.output_offset
    return Loop(
        plant=plant,
        controller=controller,
        wiring=wiring,
        auto_zero=chip.auto_zero,
        loss=loss,
        stepsize=method.target_stepsize,
        inputs=rates,
        desired=wanted,
        output=asked,
        slope=slope + torch.diag_embed(controller.demand_slope(asked)),
    )


def _moved(
    plant: tuple[Layer, ...], controller: Controller, wiring: Wiring, kind: str, delta: Tensor
) -> _Parts:
    """A loop's parts with gains multiplied by 1 + δ and terms moved by δ."""
    if kind in LAYER_KINDS:
        pieces = delta.split([len(layer.leak) for layer in plant])
        plant = tuple(_evolved(layer, kind, kind, piece) for layer, piece in zip(plant, pieces, strict=True))
    elif kind in DENDRITE_KINDS:
        part, field = DENDRITE_KINDS[kind]
        pieces = delta.split([len(layer.leak) for layer in plant])
        plant = tuple(
            attrs.evolve(layer, **{part: _evolved(getattr(layer, part), field, kind, piece)})
            for layer, piece in zip(plant, pieces, strict=True)
        )
    elif kind == "forward_gain":
        pieces = delta.split([layer.weights.numel() for layer in plant])
        plant = tuple(
            attrs.evolve(layer, weights=_scaled(layer.weights, piece.reshape(layer.weights.shape)))
            for layer, piece in zip(plant, pieces, strict=True)
        )
    elif kind == "feedback_gain":
        pieces = delta.split([matrix.numel() for matrix in wiring.weights])
        weights = tuple(
            _scaled(q, piece.reshape(q.shape)) for q, piece in zip(wiring.weights, pieces, strict=True)
        )
        wiring = attrs.evolve(wiring, weights=weights)
    elif kind == STORED:
        plant, wiring = _stored(plant, wiring, delta)
    else:
        controller = _evolved(controller, CONTROLLER_KINDS[kind], kind, delta)
    return plant, controller, wiring


def _sizes(plant: Sequence[Layer], wiring: Wiring) -> list[int]:
    """Of the pieces of a deviation `STORED`."""
    forward = [layer.weights.numel() for layer in plant]
    return [*forward, *(len(layer.biases) for layer in plant), *(q.numel() for q in wiring.weights)]


def _stored(plant: tuple[Layer, ...], wiring: Wiring, delta: Tensor) -> tuple[tuple[Layer, ...], Wiring]:
    pieces, depth = delta.split(_sizes(plant, wiring)), len(plant)
    layers = tuple(
        attrs.evolve(layer, weights=layer.weights + w.reshape(layer.weights.shape), biases=layer.biases + b)
        for layer, w, b in zip(plant, pieces[:depth], pieces[depth : 2 * depth], strict=True)
    )
    feedback = zip(wiring.weights, pieces[2 * depth :], strict=True)
    return layers, attrs.evolve(wiring, weights=tuple(q + piece.reshape(q.shape) for q, piece in feedback))


def _evolved(part: Any, field: str, kind: str, delta: Tensor) -> Any:
    change = _added if kind in TERMS else _scaled
    return attrs.evolve(part, **{field: change(getattr(part, field), delta)})


def _scaled(value: Tensor, delta: Tensor) -> Tensor:
    return value * (1 + delta)


def _added(value: Tensor, delta: Tensor) -> Tensor:
    return value + delta
