"""The network to be emulated, as numbers without units; how it is computed is not known here."""

from __future__ import annotations

from typing import Any

import attrs

from neurosim.errors import SpecError, nearest
from neurosim.spec.checks import number, one_of
from neurosim.spec.given_weights import GivenWeights

ACTIVATIONS = ("tanh", "sigmoid", "softplus", "linear")
"""Nonlinearities φ a neuron can have; each engine interprets the names by itself."""

INITIAL_WEIGHTS = ("xavier_normal", "xavier_uniform", "orthogonal")
"""How feedforward weights start."""


def _layers(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, list | tuple) else value


def _check_layers(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, tuple) or len(value) < 2:
        raise SpecError(
            "bad value",
            where=field.name,
            expected="at least two sizes, such as [64, 32, 10]",
            got=repr(value),
        )
    for position, size in enumerate(value):
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size < 2**31:
            raise SpecError(
                f"layer {position} has no such size",
                where=field.name,
                expected="every size a whole number >= 1 and < 2^31",
                got=repr(size),
            )


def _hidden(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else value


def _check_hidden(network: Any, field: attrs.Attribute[Any], value: Any) -> None:
    names = value if isinstance(value, tuple) else (value,)
    for name in names:
        if name not in ACTIVATIONS:
            raise SpecError(
                "unknown name",
                where=field.name,
                expected="one of " + ", ".join(sorted(ACTIVATIONS)) + ", or a list of them",
                got=repr(name),
                remedy=nearest(str(name), ACTIVATIONS),
            )
    layers = network.layers
    if isinstance(value, tuple) and isinstance(layers, tuple) and len(value) != len(layers) - 2:
        raise SpecError(
            "a list names the nonlinearity of every hidden layer",
            where=field.name,
            expected=f"{len(layers) - 2} names for layers = {list(layers)}",
            got=f"{len(value)} names",
        )


@attrs.frozen(kw_only=True)
class Network:
    """τ_v dv_l/dt = −v_l + W_l φ(v_{l−1}) + b_l + Q_l u    (Meulemans et al. 2021, eq. 1), l = 1..L.

    v_l  soma of layer l, (n_l,), activation units;  W_l (n_l, n_{l−1}),  b_l (n_l,)
    Q_l  feedback from the controller, (n_l, n_L);   u   controller output, (n_L,)
    """

    layers: tuple[int, ...] = attrs.field(converter=_layers, validator=_check_layers)
    """Sizes n_0 (inputs), n_1, …, n_L (outputs)."""
    hidden: str | tuple[str, ...] = attrs.field(default="tanh", converter=_hidden, validator=_check_hidden)
    """φ of the hidden layers: one name for all, or a list with one for each."""
    output: str = attrs.field(default="linear", validator=one_of(ACTIVATIONS))
    """φ of the output layer; with the loss softmax_cross_entropy the softmax belongs to the loss."""
    initial_weights: str = attrs.field(default="xavier_normal", validator=one_of(INITIAL_WEIGHTS))
    """Distribution of W at the start; biases start at 0."""
    initial_gain: float = attrs.field(default=1.0, validator=number(above=0))
    """Factor on the initial weights."""
    weights: GivenWeights = attrs.field(factory=GivenWeights, metadata={"table": GivenWeights})
    """W and b from elsewhere instead of drawn ones."""
    tau_soma_ratio: float = attrs.field(default=0.2, validator=number(above=0))
    """τ_v/τ_u; 0.2 is the setting of the paper's code."""
    tau_basal_ratio: float = attrs.field(default=0.0, validator=number(least=0))
    """Time constant of the basal compartment over τ_u; 0: it follows its input at once."""
    tau_apical_ratio: float = attrs.field(default=0.0, validator=number(least=0))
    """Time constant of the apical compartment over τ_u; 0: it follows its input at once."""

    @property
    def depth(self) -> int:
        """L, the number of layers with weights."""
        return len(self.layers) - 1

    @property
    def activations(self) -> tuple[str, ...]:
        """φ of layers 1..L."""
        hidden = self.hidden if isinstance(self.hidden, tuple) else (self.hidden,) * (self.depth - 1)
        return (*hidden, self.output)

    @property
    def common_hidden(self) -> str:
        """φ that all hidden layers share: what decoders and a single loop need.

        Raises
        ------
        SpecError : they do not share one.
        """
        if isinstance(self.hidden, str):
            return self.hidden
        if len(set(self.hidden)) > 1:
            raise SpecError(
                "this method needs the same nonlinearity in all hidden layers",
                where="network.hidden",
                expected='one name, such as "tanh"',
                got=str(list(self.hidden)),
                remedy="or choose BP, NDI, DI or one of the DFC family",
            )
        return self.hidden[0] if self.hidden else "linear"
