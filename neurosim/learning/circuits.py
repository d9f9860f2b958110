"""The circuit of each inversion that runs beside the network: a table by part; knows no engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurosim.errors import SpecError
from neurosim.learning.circuit import CONTROLLER, REST, SOMA, Circuit, Drive, Population, Post, Signal
from neurosim.learning.inversion import (
    InputRelaxation,
    NonlinearChain,
    OutputRelaxation,
    PairsAtOnce,
    PairsInTurn,
)
from neurosim.learning.methods import Method
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network

OUTPUT = Signal(source="output")


def circuit_of(method: Method, settings: MethodSettings, network: Network) -> Circuit | None:
    """The circuit beside the network; None where the controller acts on the neurons themselves."""
    build = _CIRCUITS.get(type(method.inversion))
    return build(settings, network) if build is not None else None


def check_expanding(settings: MethodSettings, network: Network) -> None:
    """An expanding layer has a singular loop W B: without a leak it never comes to rest (same paper, eq. 12).

    Raises
    ------
    SpecError : with both sizes and the remedy.
    """
    for l in range(2, network.depth + 1):
        below, above = network.layers[l - 1], network.layers[l]
        if above > below and settings.leak == 0 and settings.expanding_layers == "plain":
            raise SpecError(
                f"layer {l} cannot be inverted without a leak: it is larger than the layer below",
                where="method.leak",
                expected=f"> 0 with {above} units above {below}",
                got="0",
                remedy='set method.leak, such as 0.01, or method.expanding_layers = "swapped"',
            )


def check_bottleneck(settings: MethodSettings, network: Network) -> None:
    """A single loop through a layer smaller than the output has a singular W_L ⋯ W_2 B: it needs a leak, too.

    Raises
    ------
    SpecError : with both sizes and the remedy.
    """
    narrowest = min(network.layers[1:-1])
    if settings.leak == 0 and narrowest < network.layers[-1]:
        raise SpecError(
            f"the loop around all layers goes through {narrowest} units and has no leak",
            where="method.leak",
            expected=f"> 0 with {network.layers[-1]} outputs",
            got="0",
            remedy="set method.leak, such as 0.01, or widen the hidden layers",
        )


def _pairs(settings: MethodSettings, network: Network, *, in_turn: bool) -> Circuit:
    """τ_v dx/dt = −x + B_l u,  τ_u du/dt = −α u + W_l x − δ_l,  δ_{l−1} = x φ'(v_{l−1})  (eq. 5, 8 and 17).

    error_{l−1} is x, control_l is u. Swapped leaks, for an expanding layer: −α x and −u.
    """
    check_expanding(settings, network)
    populations = []
    for position, l in enumerate(range(network.depth, 1, -1)):
        swapped = settings.expanding_layers == "swapped" and network.layers[l] > network.layers[l - 1]
        given = OUTPUT if l == network.depth else Signal(source=f"error_{l}", slope=True)
        window = position if in_turn else None
        populations += [
            Population(
                name=f"error_{l - 1}",
                layer=l - 1,
                # the one that integrates is slow, wherever its leak is
                tau=CONTROLLER if swapped else SOMA,
                leak=settings.leak if swapped else 1.0,
                drives=(Drive(signal=Signal(source=f"control_{l}"), weights="feedback", index=l - 1),),
                window=window,
            ),
            Population(
                name=f"control_{l}",
                layer=l,
                tau=SOMA if swapped else CONTROLLER,
                leak=1.0 if swapped else settings.leak,
                drives=(
                    Drive(signal=Signal(source=f"error_{l - 1}"), weights="forward", index=l),
                    Drive(signal=given, sign=-1),
                ),
                window=window,
            ),
        ]
    posts = [Post(signal=Signal(source=f"error_{l}", slope=True), sign=-1) for l in range(1, network.depth)]
    return Circuit(
        populations=tuple(populations),
        posts=(*posts, Post(signal=OUTPUT, sign=-1)),
        output="error",
        windows=max(network.depth - 1, 1) if in_turn else 1,
    )


def _in_turn(settings: MethodSettings, network: Network) -> Circuit:
    return _pairs(settings, network, in_turn=True)


def _at_once(settings: MethodSettings, network: Network) -> Circuit:
    return _pairs(settings, network, in_turn=False)


def _chain(settings: MethodSettings, network: Network) -> Circuit:
    """τ_v dδ_1/dt = −δ_1 + B u,  τ_v dδ_l/dt = −δ_l + W_l φ(δ_{l−1}),  τ_u du/dt = −α u + W_L φ(δ_{L−1}) − δ_L
    (supplement of the same paper)."""
    depth = network.depth
    if depth == 1:
        return Circuit(populations=(), posts=(Post(signal=OUTPUT, sign=-1),), output="error")
    check_bottleneck(settings, network)
    errors = [
        Population(
            name=f"error_{l}",
            layer=l,
            tau=SOMA,
            leak=1.0,
            drives=(
                Drive(signal=Signal(source=f"control_{depth}"), weights="feedback", index=1)
                if l == 1
                else Drive(
                    signal=Signal(source=f"error_{l - 1}", activation=network.common_hidden),
                    weights="forward",
                    index=l,
                ),
            ),
        )
        for l in range(1, depth)
    ]
    control = Population(
        name=f"control_{depth}",
        layer=depth,
        tau=CONTROLLER,
        leak=settings.leak,
        drives=(
            Drive(
                signal=Signal(source=f"error_{depth - 1}", activation=network.common_hidden),
                weights="forward",
                index=depth,
            ),
            Drive(signal=OUTPUT, sign=-1),
        ),
    )
    posts = [Post(signal=Signal(source=f"error_{l}"), sign=-1) for l in range(1, depth)]
    return Circuit(
        populations=(*errors, control), posts=(*posts, Post(signal=OUTPUT, sign=-1)), output="error"
    )


def _target_posts(network: Network) -> tuple[Post, ...]:
    hidden = [Post(signal=Signal(source=f"target_{l}"), minus_soma=True) for l in range(1, network.depth)]
    return (*hidden, Post(signal=OUTPUT, minus_soma=True))


def _target(l: int, network: Network) -> str:
    """Who holds τ_l."""
    return "output" if l == network.depth else f"target_{l}"


def _output_side(settings: MethodSettings, network: Network) -> Circuit:
    """τ_u dτ_{l−1}/dt = Ω_l (σ(τ_l) − σ(y_l)),  τ_v dy_l/dt = −y_l + W_l σ(τ_{l−1}) + b_l  (section 6).

    With dt = 1 and τ_v → 0 an Euler step is the paper's iteration. expected_l is y_l.
    """
    sigma = network.common_hidden
    populations = []
    for l in range(network.depth, 1, -1):
        above = Signal(source=_target(l, network), activation=sigma)
        made = Signal(source=f"expected_{l}", activation=sigma)
        populations += [
            Population(
                name=f"target_{l - 1}",
                layer=l - 1,
                tau=CONTROLLER,
                leak=0.0,
                drives=(
                    Drive(signal=above, weights="feedback", index=l - 1),
                    Drive(signal=made, sign=-1, weights="feedback", index=l - 1),
                ),
                starts=REST,
            ),
            _expected(l, network, of=f"target_{l - 1}"),
        ]
    return Circuit(populations=tuple(populations), posts=_target_posts(network), output="target")


def _input_side(settings: MethodSettings, network: Network) -> Circuit:
    """τ_u du_l/dt = τ_l − y_l,  τ_v dτ_{l−1}/dt = −τ_{l−1} + Ω_l σ(u_l),  τ_v dy_l/dt = −y_l + W_l σ(τ_{l−1}) + b_l
    (section 5). correction_l is u_l, expected_l is y_l.

    What g_l(h_l) misses h_{l−1} by is taken off (`balanced`), as in difference target propagation: below a smaller
    layer the plain iteration would settle far from h_{l−1} even with nothing to correct.
    """
    populations = []
    for l in range(network.depth, 1, -1):
        populations += [
            Population(
                name=f"correction_{l}",
                layer=l,
                tau=CONTROLLER,
                leak=0.0,
                drives=(
                    Drive(signal=Signal(source=_target(l, network))),
                    Drive(signal=Signal(source=f"expected_{l}"), sign=-1),
                ),
                starts=REST,
            ),
            Population(
                name=f"target_{l - 1}",
                layer=l - 1,
                tau=SOMA,
                leak=1.0,
                drives=(
                    Drive(
                        signal=Signal(source=f"correction_{l}", activation=network.common_hidden),
                        weights="feedback",
                        index=l - 1,
                    ),
                ),
                starts=REST,
                balanced=True,
            ),
            _expected(l, network, of=f"target_{l - 1}"),
        ]
    return Circuit(populations=tuple(populations), posts=_target_posts(network), output="target")


def _expected(l: int, network: Network, *, of: str) -> Population:
    """y_l: what layer l would be if the layer below were at its target."""
    return Population(
        name=f"expected_{l}",
        layer=l,
        tau=SOMA,
        leak=1.0,
        drives=(
            Drive(
                signal=Signal(source=of, activation=network.common_hidden),
                weights="forward",
                index=l,
                bias=True,
            ),
        ),
        starts=REST,
        balanced=True,
    )


_CIRCUITS: dict[type[Any], Callable[[MethodSettings, Network], Circuit]] = {
    PairsInTurn: _in_turn,
    PairsAtOnce: _at_once,
    NonlinearChain: _chain,
    OutputRelaxation: _output_side,
    InputRelaxation: _input_side,
}
