"""What the synapses make of a circuit, at one moment or over a presentation; knows not how it is stepped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.learning.feedback import Decoders
from neurosim.learning.plasticity import Anytime, Gradient, TargetDifference
from neurosim.reference.circuit.assembly import OUTPUT, AssembledCircuit, CircuitState
from neurosim.reference.circuit.decoders import decoder_change
from neurosim.reference.circuit.drives import read
from neurosim.reference.updates import Updates
from neurosim.spec.method import MethodSettings
from neurosim.spec.protocol import Protocol

Terms = Sequence[Tensor]


def displacements(assembled: AssembledCircuit, state: CircuitState) -> Terms:
    """sign · signal, or sign · (signal − v_l), of layers 1..L, each (B, n_l)."""
    return [
        post.sign * (read(assembled, post.signal, state) - (soma if post.minus_soma else 0.0))
        for post, soma in zip(assembled.circuit.posts, state.soma, strict=True)
    ]


def settled_terms(assembled: AssembledCircuit, state: CircuitState, pre: Sequence[Tensor]) -> Terms:
    """post_l of a state as the rule of the method scales it, (B, n_l); ΔW_l = ⟨post_l pre_lᵀ⟩.

    pre : r_0..r_{L−1}, (B, n_{l−1}).
    """
    moved = displacements(assembled, state)
    offsets = comparator_offsets(assembled)
    if isinstance(assembled.method.plasticity, Anytime):
        # Hidden synapses see a change, and an offset does not change.
        offsets = [torch.zeros_like(x) for x in offsets[:-1]] + [offsets[-1]]
    post = [x + offset for x, offset in zip(moved, offsets, strict=True)]
    return _SCALES[type(assembled.method.plasticity)](assembled.method.plasticity, post, pre)


def comparator_offsets(assembled: AssembledCircuit) -> list[Tensor]:
    """What is added to post_l, (n_l,); a chip that zeroes itself has none."""
    return [
        torch.zeros_like(layer.comparator_offset) if assembled.auto_zero else layer.comparator_offset
        for layer in assembled.plant
    ]


def normalised(post: Tensor, pre: Tensor) -> Tensor:
    """post/(‖pre‖² + 1) sample by sample: the bias is a synapse, too, and its input is 1."""
    return post / (pre.square().sum(1, keepdim=True) + 1.0)


class CircuitPlasticity:
    """The change of the weights that one presentation adds up to, with the learning rate in it.

    Gradient and TargetDifference look once, in the last learn step. Anytime adds up what the targets of
    hidden layers move in every learn step; the output's target jumps at the start, so that its post_L is
    taken whole at the end.

    Mutable: `learn` is called once for every step of the learn phase.
    """

    def __init__(self, assembled: AssembledCircuit, settings: MethodSettings, protocol: Protocol) -> None:
        self._anytime = isinstance(assembled.method.plasticity, Anytime)
        if self._anytime and settings.weight_updates == "continuous":
            raise SpecError(
                f"{settings.name} cannot change weights while the circuit runs",
                where="method.weight_updates",
                expected='"buffered"',
                got='"continuous"',
            )
        self._assembled = assembled
        self._decodes = isinstance(assembled.method.feedback, Decoders)
        self._rate = settings.learning_rate
        self._steps = range(protocol.settle_steps, protocol.settle_steps + protocol.learn_steps)
        self._forward = [torch.zeros_like(layer.weights) for layer in assembled.plant]
        self._biases = [torch.zeros_like(layer.biases) for layer in assembled.plant]
        self._feedback = tuple(torch.zeros_like(matrix) for matrix in assembled.feedback)

    def learn(self, k: int, state: CircuitState, after: Mapping[str, Tensor], pre: Sequence[Tensor]) -> None:
        """The plasticity of step k: the state before it, the populations after it, r_0..r_{L−1} before it."""
        if k not in self._steps:
            return
        last = k == self._steps[-1]
        if self._anytime:
            self._add(_changes(self._assembled, state, after, pre), pre)
        if last and self._anytime:
            top = len(pre) - 1
            self._add_layer(top, settled_terms(self._assembled, state, pre)[top], pre[top])
        elif last:
            self._add(settled_terms(self._assembled, state, pre), pre)
        if last and self._decodes:
            self._feedback = decoder_change(self._assembled, state.soma)

    def updates(self) -> Updates:
        """The change of the whole presentation, the mean over the batch."""
        return Updates(forward=tuple(self._forward), biases=tuple(self._biases)).scaled(self._rate)

    def feedback_updates(self) -> tuple[Tensor, ...] | None:
        """The change of the decoders without a learning rate; None where there are none."""
        return self._feedback if self._decodes else None

    def _add(self, terms: Terms, pre: Sequence[Tensor]) -> None:
        for position, term in enumerate(terms):
            self._add_layer(position, term, pre[position])

    def _add_layer(self, position: int, post: Tensor, pre: Tensor) -> None:
        self._forward[position] = self._forward[position] + post.T @ pre / post.shape[0]
        self._biases[position] = self._biases[position] + post.mean(0)


def _changes(
    assembled: AssembledCircuit, state: CircuitState, after: Mapping[str, Tensor], pre: Sequence[Tensor]
) -> Terms:
    """sign · (s(k+1) − s(k))/(‖pre‖² + 1) of the hidden layers, (B, n_l)."""
    return [
        normalised(post.sign * (after[post.signal.source] - state.populations[post.signal.source]), r)
        for post, r in zip(assembled.circuit.posts, pre, strict=True)
        if post.signal.source != OUTPUT
    ]


def _as_it_is(rule: Gradient, post: Terms, pre: Sequence[Tensor]) -> Terms:
    return post


def _by_target(rule: TargetDifference, post: Terms, pre: Sequence[Tensor]) -> Terms:
    if rule.influence:
        post = [_influence(post[-1], x) * x for x in post]
    return [normalised(x, r) for x, r in zip(post, pre, strict=True)]


def _by_change(rule: Anytime, post: Terms, pre: Sequence[Tensor]) -> Terms:
    return [normalised(x, r) for x, r in zip(post, pre, strict=True)]


def _influence(top: Tensor, post: Tensor) -> Tensor:
    """‖post_L‖²/‖post_l‖², (B, 1); 0 where nothing moves."""
    size = post.square().sum(1, keepdim=True)
    return torch.where(size > 0, top.square().sum(1, keepdim=True) / torch.where(size > 0, size, 1.0), 0.0)


_SCALES: dict[type[Any], Callable[[Any, Terms, Sequence[Tensor]], Terms]] = {
    Gradient: _as_it_is,
    TargetDifference: _by_target,
    Anytime: _by_change,
}
