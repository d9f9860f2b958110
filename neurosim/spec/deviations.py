"""How one particular chip differs from the ideal network: unit-free numbers per unit and per synapse.

The bridge between silicon and reference: a chip states its draws in these terms, and the reference solves the
equations with them without having heard of volts.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.spec.network import Network
from neurosim.spec.noise_source import NoiseSource

Array = NDArray[np.float64]


@attrs.frozen(kw_only=True, eq=False)
class DendriteDeviations:
    """τ dx/dt = I − leak·S(x + offset),  |x + offset| ≤ limit,  S(x) = R tanh(x/R) with R = saturation.

    x  v_ff with I = W r + b, or v_fb with I = Q u. Without a time constant x is where that rests. Arrays are (n_l,).
    """

    leak: Array
    """Factor on its conductance."""
    offset: Array
    """Of its conductance's input, activation units."""
    saturation: float
    """Of its conductance, activation units; infinity: linear."""
    limit: float
    """Rails, activation units; infinity: none. Finite wherever the conductance saturates."""

    @staticmethod
    def ideal(n: int) -> DendriteDeviations:
        """Of n units without any."""
        return DendriteDeviations(leak=np.ones(n), offset=np.zeros(n), saturation=np.inf, limit=np.inf)


@attrs.frozen(kw_only=True, eq=False)
class LayerDeviations:
    """τ_v dv/dt = −leak·S(v) + basal_gain·S(v_ff) + apical_gain·S(v_fb) + offset + noise,   |v| ≤ limit,
    r = φ(slope·v),  post = φ(slope·v) − φ(slope·v_ff) + comparator_offset,
    S(x) = R tanh(x/R) with R = saturation.    Arrays are (n_l,).
    """

    leak: Array
    """Factor on the soma's leak."""
    basal_gain: Array
    """Factor on the coupling of the basal compartment to the soma."""
    apical_gain: Array
    """Factor on the coupling of the apical compartment to the soma."""
    offset: Array
    """Constant added to the soma's input, activation units."""
    slope: Array
    """Factor on the argument of the nonlinearity."""
    comparator_offset: Array
    """Constant added to the post-synaptic term."""
    basal: DendriteDeviations
    """The compartment v_ff."""
    apical: DendriteDeviations
    """The compartment v_fb; of no effect where a circuit stands beside the network instead."""
    saturation: float
    """Of the couplings, activation units; infinity: linear."""
    limit: float
    """Largest |v|, activation units; infinity: no rails."""
    soma_noise: Array
    """Noise on v, dv = … + soma_noise dB with time in τ_u; activation units."""
    apical_noise: Array
    """Noise of the apical compartment. Without a time constant: dv = … + (apical_gain/τ_v)·apical_noise dB;
    with one: dv_fb = … + apical_noise/τ_apical dB. Time in τ_u; activation units · √τ_u."""


def named(deviations: Any) -> dict[str, Any]:
    """The fields of a part by name; those of a compartment in it as basal_leak, basal_offset, …"""
    found: dict[str, Any] = {}
    for field in attrs.fields(type(deviations)):
        value = getattr(deviations, field.name)
        if isinstance(value, DendriteDeviations):
            found |= {f"{field.name}_{name}": inner for name, inner in named(value).items()}
        else:
            found[field.name] = value
    return found


@attrs.frozen(kw_only=True, eq=False)
class ControllerDeviations:
    """e = r* − droop·t − r + error_offset,  u_in = clip(K_I u_int + k_p·proportional·e + k_d ė_f, ±limit),
    τ_u du_int/dt = integral·S(e) − (α·leak + gain_leak) u_int, |u_int| ≤ limit,  S(x) = R tanh(x/R),
    u = u_in, or where output_tau > 0: output_tau du/dt = R_o tanh((u_in − u + output_offset)/R_o).
    Arrays are (n_L,).
    """

    proportional: Array
    """Factor on k_p."""
    leak: Array
    """Factor on α."""
    integral: Array
    """Factor on what goes into the integrator."""
    gain_leak: Array
    """What the integrator leaks beside α, 1/τ_u."""
    error_offset: Array
    """Constant added to the error, activation units; only while the controller is on."""
    droop: Array
    """How fast the stored target falls, activation units per τ_u."""
    saturation: float
    """R of the integrator's input, activation units; infinity: linear."""
    output_tau: float
    """Of the output stage over τ_u; 0: it follows at once."""
    output_saturation: float
    """R_o of the output stage, activation units; infinity: linear."""
    output_offset: Array
    """Of the output stage, activation units."""
    limit: float
    """Largest |u| the controller can give, activation units; infinity: no rails."""


@attrs.frozen(kw_only=True, eq=False)
class PopulationDeviations:
    """τ ds/dt = gain · Σ drives − leak factor · leak · s + offset + noise,  |s| ≤ limit.    Arrays are (n,)."""

    leak: Array
    """Factor on the leak."""
    gain: Array
    """Factor on everything that drives it."""
    offset: Array
    """Constant added to what drives it, activation units; only while its window is open."""
    noise: Array
    """ds = … + noise dB with time in τ_u; activation units."""
    limit: float
    """Largest |s|, activation units; infinity: no rails."""

    @staticmethod
    def ideal(n: int) -> PopulationDeviations:
        """Of n units without any."""
        return PopulationDeviations(
            leak=np.ones(n), gain=np.ones(n), offset=np.zeros(n), noise=np.zeros(n), limit=np.inf
        )


@attrs.frozen(kw_only=True, eq=False)
class Deviations:
    """All that makes one chip different; `ideal` gives the chip without any."""

    layers: tuple[LayerDeviations, ...]
    """Layers 1..L."""
    controller: ControllerDeviations
    forward_gain: tuple[Array, ...]
    """Factor on each feedforward weight, (n_l, n_{l−1})."""
    feedback_gain: tuple[Array, ...]
    """Factor on each feedback weight, of the shape the feedback has; (n_l, n_L) where it is direct."""
    auto_zero: bool
    """Whether post-synaptic terms are measured against what they are at the end of the settle phase."""
    populations: Mapping[str, PopulationDeviations] = attrs.field(factory=dict)
    """Of the circuit beside the network, where there is one."""
    sources: Mapping[str, NoiseSource] = attrs.field(factory=dict)
    """Noise beside that of the fields above, by state: "layer_1.soma", "controller.integrator", …"""
    hold_noise: float = 0.0
    """σ of what is sampled and held: r⁻, and the post-synaptic terms that auto-zero takes off."""

    @staticmethod
    def ideal(
        network: Network,
        *,
        feedback: Sequence[tuple[int, int]] | None = None,
        populations: Mapping[str, int] | None = None,
    ) -> Deviations:
        """No mismatch, no noise, no rails.

        feedback : shapes of the feedback weights; None: direct, (n_l, n_L).
        populations : sizes of those of the circuit beside the network.
        """
        sizes = network.layers
        shapes = [(n, sizes[-1]) for n in sizes[1:]] if feedback is None else feedback
        return Deviations(
            layers=tuple(
                LayerDeviations(
                    leak=np.ones(n),
                    basal_gain=np.ones(n),
                    apical_gain=np.ones(n),
                    offset=np.zeros(n),
                    slope=np.ones(n),
                    comparator_offset=np.zeros(n),
                    basal=DendriteDeviations.ideal(n),
                    apical=DendriteDeviations.ideal(n),
                    saturation=np.inf,
                    limit=np.inf,
                    soma_noise=np.zeros(n),
                    apical_noise=np.zeros(n),
                )
                for n in sizes[1:]
            ),
            controller=ControllerDeviations(
                proportional=np.ones(sizes[-1]),
                leak=np.ones(sizes[-1]),
                integral=np.ones(sizes[-1]),
                gain_leak=np.zeros(sizes[-1]),
                error_offset=np.zeros(sizes[-1]),
                droop=np.zeros(sizes[-1]),
                saturation=np.inf,
                output_tau=0.0,
                output_saturation=np.inf,
                output_offset=np.zeros(sizes[-1]),
                limit=np.inf,
            ),
            forward_gain=tuple(np.ones((m, n)) for n, m in itertools.pairwise(sizes)),
            feedback_gain=tuple(np.ones(shape) for shape in shapes),
            auto_zero=False,
            populations={name: PopulationDeviations.ideal(n) for name, n in (populations or {}).items()},
        )

    @property
    def noisy(self) -> bool:
        """Whether anything random happens during a run."""
        in_layers = any(bool(np.any(x.soma_noise) or np.any(x.apical_noise)) for x in self.layers)
        beside = any(bool(np.any(x.noise)) for x in self.populations.values())
        return (
            in_layers
            or beside
            or self.hold_noise > 0
            or any(x.white > 0 or x.wandering for x in self.sources.values())
        )

    def without_noise(self) -> Deviations:
        """The same chip with its noise turned off."""
        quiet = tuple(
            attrs.evolve(x, soma_noise=np.zeros_like(x.leak), apical_noise=np.zeros_like(x.leak))
            for x in self.layers
        )
        still = {name: attrs.evolve(x, noise=np.zeros_like(x.leak)) for name, x in self.populations.items()}
        return attrs.evolve(self, layers=quiet, populations=still, sources={}, hold_noise=0.0)

    def without_droop(self) -> Deviations:
        """The same chip with a sample-and-hold that keeps what it was given."""
        control: ControllerDeviations = attrs.evolve(
            self.controller, droop=np.zeros_like(self.controller.droop)
        )
        return attrs.evolve(self, controller=control)
