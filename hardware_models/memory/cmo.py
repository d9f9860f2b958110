"""Filamentary CMO/HfOx memory: written until it verifies, then relaxing with the logarithm of time."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from brian2 import Quantity, second, siemens, usecond, usiemens
from numpy.typing import ArrayLike

from hardware_models.checks import number, quantity, whole
from hardware_models.fragment import Fragment, Parameter
from hardware_models.memory.cells import Cells, Faults, draw_pairs
from hardware_models.memory.curve import Array, coefficients, polynomial
from hardware_models.memory.emulated import OF_WRITING, Answer, Conduction, Keeping, answer_of
from hardware_models.memory.memory import seconds, without_drift
from hardware_models.memory.moments import Moments
from hardware_models.memory.pair import join, missed_pair, pair_sigma, split, steps_of, write_pair
from hardware_models.memory.ranges import conductances_in_order
from hardware_models.memory.text import HUGE, joined, pair_text
from hardware_models.memory.update_law import UpdateLaw
from hardware_models.process import Conditions


@attrs.frozen(kw_only=True)
class Cmo:
    """σ_prog = Σ c_k (g/µS)^k µS;   after t:  g + m ln(t/s) µS,   σ_relax = (r ln(t/s) + r₁) µS,  whatever g is;

    σ_read = K log₁₀(g/µS) √ln((t + t_r)/2t_r) µS.

    Defaults: Falcone et al., as in aihwkit's ReRamCMONoiseModel; its read noise from Lombardo et al., DRC 2024.
    c = (.01122, .01129) where 2 % of the target is accepted, (.00081, .00107) where .2 % is. A uniform error of ± 2 %
    has σ = 1.15 % of g: the polynomial is in µS of µS. It says what verifying leaves; a second later the device has
    relaxed by r₁ as well, so the weights at t₀ = 1 s have √(σ_prog² + r₁²), and what relaxes later comes on top.
    The shift m ln t is the same in both devices of a pair and cancels, unless one of them stands at zero conductance.
    """

    differential: ClassVar[bool] = True

    g_min: Quantity = attrs.field(default=9 * usiemens, validator=quantity(0 * siemens, least=0), eq=float)
    g_max: Quantity = attrs.field(
        default=88.19 * usiemens, validator=quantity(0 * siemens, above=0), eq=float
    )
    """That of a weight of full scale."""
    sigma: tuple[float, ...] = attrs.field(default=(0.01122, 0.01129), validator=coefficients)
    """c_k."""
    shift_slope: float = attrs.field(default=-0.089, validator=number())
    """m."""
    relaxation: float = attrs.field(default=0.412, validator=number(least=0))
    """r₁, at 1 s."""
    relaxation_slope: float = attrs.field(default=0.042, validator=number(least=0))
    """r."""
    read: float = attrs.field(default=0.02773, validator=number(least=0))
    """K."""
    read_time: Quantity = attrs.field(default=1 * usecond, validator=quantity(0 * second, above=0), eq=float)
    """t_r."""
    steps: int = attrs.field(default=0, validator=whole(least=0, most=2**16))
    """Between g_min and g_max that programming aims at; 0: analog."""
    faults: Faults = attrs.field(factory=Faults)
    update_law: UpdateLaw = attrs.field(factory=UpdateLaw)
    """Of no paper: the ideal one."""

    def __attrs_post_init__(self) -> None:
        conductances_in_order(self.g_min, self.g_max, self.g_max)

    @property
    def lowest(self) -> float:
        """x_min = g_min/g_max."""
        return float(self.g_min / self.g_max)

    @property
    def reference_time(self) -> Quantity:
        """t₀, where ln(t/s) is 0."""
        return 1 * second

    def at(self, conditions: Conditions) -> Cmo:
        """Itself: the curves are those of room temperature."""
        return self

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Cells:
        """Which devices are dead, and the steps of the others."""
        return draw_pairs(shape, generator, law=self.update_law, faults=self.faults, lowest=self.lowest)

    def levels(self, weights: ArrayLike) -> Array:
        """The nearest of the steps."""
        return steps_of(weights, self.steps)

    def programming_sigma(self, x: Array) -> Array:
        """√(σ_prog² + r₁²)/g_max of devices x = g/g_max."""
        verified = np.maximum(polynomial(self.sigma, x * self._scale), 0)
        return np.hypot(verified, self.relaxation) / self._scale

    def program(
        self, weights: ArrayLike, generator: np.random.Generator, *, cells: Cells | None = None
    ) -> Array:
        """As verified, and relaxed for a second."""
        aim = self.levels(weights)
        stuck = (cells or self.draw(aim.shape, generator)).fitting(aim.shape).stuck
        return write_pair(aim, self.programming_sigma, generator, lowest=self.lowest, stuck=stuck)

    def drift_exponent(self, weights: ArrayLike, generator: np.random.Generator) -> Array:
        """0: it shifts, and by no power law."""
        return without_drift(weights)

    def age(self, weights: ArrayLike, time: Quantity, generator: np.random.Generator) -> Array:
        """Both devices shifted, none below zero; and what relaxes after the first second."""
        now = np.array(seconds(time))
        return self._relaxed(np.asarray(weights, float), now, generator.standard_normal(np.shape(weights)))

    def _relaxed(self, weights: Array, now: Array, normals: Array) -> Array:
        return self._left(weights, now).drawn(normals)

    def _left(self, weights: Array, now: Array) -> Moments:
        logarithm = np.log(np.maximum(now, 1.0))
        devices = split(weights, self.lowest) + self.shift_slope * logarithm / self._scale
        shifted = join(np.maximum(devices, 0), self.lowest)
        total = self.relaxation + self.relaxation_slope * logarithm
        more = np.sqrt(total**2 - self.relaxation**2) / self._scale
        sigma = pair_sigma(weights, lambda x: np.broadcast_to(more, x.shape), lowest=self.lowest)
        return Moments(mean=shifted, sigma=sigma)

    def read_sigma(self, weights: ArrayLike, time: Quantity) -> Array:
        """Of both devices; 0 below 1 µS, where the published form turns negative."""
        ratio = (seconds(time) + float(self.read_time)) / (2 * float(self.read_time))
        spread = self.read * float(np.sqrt(np.log(max(ratio, 1.0)))) / self._scale
        return pair_sigma(
            weights, lambda x: spread * np.log10(np.maximum(x * self._scale, 1)), lowest=self.lowest
        )

    def store(
        self, weights: ArrayLike, generator: np.random.Generator, *, cells: Cells | None = None
    ) -> Array:
        """As `program`."""
        return self.program(weights, generator, cells=cells)

    def after_writing(self, levels: ArrayLike) -> Moments:
        """Both devices miss, and none goes below zero."""
        return missed_pair(np.asarray(levels, float), self.programming_sigma, lowest=self.lowest)

    def keeping(self) -> Keeping:
        """Both devices shifted, none below zero; what relaxes, times a normal that each writing draws anew."""
        text = f"""{pair_text("x")}
since = log(clip(age/t_reference, 1, {HUGE}))
shifted = (clip(plus + shift*since, 0, {HUGE}) - clip(minus + shift*since, 0, {HUGE}))/(1 - lowest)
relaxed = relaxation_slope*since*(2*relaxation + relaxation_slope*since)
kept = shifted + sqrt(2*relaxed)/(1 - lowest)*fate"""
        scale = self._scale
        parameters = {
            **self._scales(),
            "t_reference": Parameter(value=self.reference_time, meaning="t₀"),
            "shift": Parameter(value=self.shift_slope / scale, meaning="m/g_max"),
            "relaxation": Parameter(value=self.relaxation / scale, meaning="r₁/g_max"),
            "relaxation_slope": Parameter(value=self.relaxation_slope / scale, meaning="r/g_max"),
        }
        fragment = Fragment(equations="", after=text, parameters=parameters)
        return Keeping(
            statements=fragment, kept=self._relaxed, moments=self._left, fate=OF_WRITING, loses=True
        )

    def conduction(self, cells: Cells) -> Conduction:
        """What they keep."""
        return Conduction()

    def answer(self, cells: Cells) -> Answer:
        """By its law."""
        return answer_of(self.update_law, cells)

    def reading(self) -> Fragment | None:
        """`read_sigma`."""

        def variance(device: str) -> str:
            return f"log10(clip({device}*g_scale, 1, {HUGE}))**2"

        text = f"""{pair_text("kept")}
octaves = log(clip((age + t_reading)/(2*t_reading), 1, {HUGE}))
sigma = read_spread*sqrt(octaves)*{joined(variance("plus"), variance("minus"))}"""
        parameters = {
            **self._scales(),
            "t_reading": Parameter(value=self.read_time, meaning="how long one reading takes"),
            "read_spread": Parameter(value=self.read / self._scale, meaning="K/g_max"),
        }
        return Fragment(equations="", after=text, parameters=parameters)

    def _scales(self) -> dict[str, Parameter]:
        return {
            "lowest": Parameter(value=self.lowest, meaning="g_min/g_max"),
            "g_scale": Parameter(value=self._scale, meaning="g_max, µS"),
        }

    @property
    def _scale(self) -> float:
        """g_max, µS."""
        return float(self.g_max / usiemens)
