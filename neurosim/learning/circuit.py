"""A circuit beside the network that inverts it: populations and what drives them, unit-free.

Described once, interpreted twice: `equations` makes Brian2 of it, `reference` torch. Knows no engine and no device.
"""

from __future__ import annotations

import attrs

SOMA, CONTROLLER = "soma", "controller"
"""Which time constant a population has: τ_v of the neurons, or τ_u."""

ZERO, REST = "zero", "rest"
"""Where a population starts when the learn phase begins: at 0, or at the soma of its layer."""


@attrs.frozen(kw_only=True)
class Signal:
    """What others see of a population or of the network: f(s), or s φ'(v_l) with v_l the soma of its layer at rest."""

    source: str
    """Name of a population, or "output" for what the loss says (see `Circuit.output`)."""
    activation: str = "linear"
    slope: bool = False
    """Times φ'(v_l) of the network's own layer."""


@attrs.frozen(kw_only=True)
class Drive:
    """sign · M · signal (+ b), or sign · signal where there is no M."""

    signal: Signal
    sign: int = 1
    weights: str = ""
    """forward or feedback; empty: one to one."""
    index: int = 0
    """Which of them: l of W_l; position, from 1, of a feedback matrix."""
    bias: bool = False
    """Whether b_l of W_l is added."""


@attrs.frozen(kw_only=True)
class Population:
    """τ ds/dt = Σ drives − leak · s while its window is open; otherwise s is held."""

    name: str
    layer: int
    """l: it has n_l units."""
    tau: str
    leak: float
    drives: tuple[Drive, ...]
    starts: str = ZERO
    window: int | None = None
    """Which part of the learn phase it moves in; None: all of it."""
    balanced: bool = False
    """Whether what drives it when it starts is sampled and taken off, so that it stays where it starts until the
    drives change: a decoder then need not be an exact inverse, nor a device exact."""


@attrs.frozen(kw_only=True)
class Post:
    """post_l = sign · (signal − v_l), or without the soma."""

    signal: Signal
    sign: int = 1
    minus_soma: bool = False


@attrs.frozen(kw_only=True)
class Circuit:
    """Populations, what the synapses of each layer see of them, and what the output gives them."""

    populations: tuple[Population, ...]
    posts: tuple[Post, ...]
    """Of layers 1..L."""
    output: str
    """What the signal "output" is: error, δ_L = φ'(v_L) ∂L/∂r_L, or target, v_L − β φ'(v_L) ∂L/∂r_L."""
    windows: int = 1
    """Into how many parts the learn phase is cut."""

    def population(self, name: str) -> Population:
        """The population of that name."""
        return next(p for p in self.populations if p.name == name)
