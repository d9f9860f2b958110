"""Phase-change memory: programming error, structural drift, 1/f read noise."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from brian2 import Quantity, nsecond, second, siemens, usiemens
from numpy.typing import ArrayLike

from hardware_models.checks import quantity, whole
from hardware_models.fragment import Fragment, Parameter
from hardware_models.memory.cells import Cells, Faults, draw_pairs
from hardware_models.memory.curve import Array, Curve, coefficients, polynomial
from hardware_models.memory.emulated import OF_DEVICE, Answer, Conduction, Keeping, answer_of
from hardware_models.memory.memory import retained, seconds
from hardware_models.memory.moments import Moments, powered
from hardware_models.memory.pair import missed_pair, pair_sigma, steps_of, targets, write_pair
from hardware_models.memory.ranges import conductances_in_order
from hardware_models.memory.text import HUGE, curve_parameters, curve_text, joined, pair_text
from hardware_models.memory.update_law import UpdateLaw
from hardware_models.process import Conditions


@attrs.frozen(kw_only=True)
class Pcm:
    """σ_prog = Σ c_k y^k in µS,    g(t) = g (t/t₀)^−ν with ν = |ν̄(y) + σ_ν(y) z|,    y = g/g_fit;

    σ_read = g q(y) √ln((t + t_r)/2t_r),    q = min(.0088/y^.65, .2).

    g  conductance, S;   g_fit  that at which the published curves have y = 1;   t  since programming, s.
    Defaults: Nandakumar et al., ICECS 2019, as in aihwkit's PCMLikeNoiseModel; at 25 µS σ_prog is 1.055 µS, and
    1.065 µS in the independent fit to Joshi et al. 2020 in CrossSim: the polynomial is in µS, not relative.
    The devices know nothing of the g_max that a designer uses: with half of g_fit as full scale the same σ_prog in µS
    weighs twice as much. (aihwkit scales σ_prog down with g_max instead.) The HERMES chip's devices are other numbers.

    A weight drifts as a whole, with the ν of its conducting device. In q stands the y of the target (Nandakumar et
    al.); here what is read, with the mean drift taken back.
    """

    differential: ClassVar[bool] = True

    g_min: Quantity = attrs.field(default=0 * usiemens, validator=quantity(0 * siemens, least=0), eq=float)
    g_max: Quantity = attrs.field(default=25 * usiemens, validator=quantity(0 * siemens, above=0), eq=float)
    """That of a weight of full scale."""
    g_fit: Quantity = attrs.field(default=25 * usiemens, validator=quantity(0 * siemens, above=0), eq=float)
    """y = 1."""
    reference_time: Quantity = attrs.field(
        default=20 * second, validator=quantity(0 * second, above=0), eq=float
    )
    """t₀."""
    sigma: tuple[float, ...] = attrs.field(default=(0.26348, 1.9650, -1.1731), validator=coefficients)
    """c_k, µS."""
    drift_mean: Curve = attrs.field(
        factory=lambda: Curve(constant=0.0244, log_slope=-0.0155, low=0.049, high=0.1)
    )
    """ν̄."""
    drift_spread: Curve = attrs.field(
        factory=lambda: Curve(constant=-0.0059, log_slope=-0.0125, low=0.008, high=0.045)
    )
    """σ_ν."""
    read: Curve = attrs.field(factory=lambda: Curve(scale=0.0088, power=0.65, high=0.2))
    """q."""
    read_time: Quantity = attrs.field(
        default=250 * nsecond, validator=quantity(0 * second, above=0), eq=float
    )
    """t_r: how long one reading takes."""
    steps: int = attrs.field(default=0, validator=whole(least=0, most=2**16))
    """Between g_min and g_max that programming aims at; 0: analog."""
    faults: Faults = attrs.field(factory=Faults)
    update_law: UpdateLaw = attrs.field(factory=UpdateLaw)
    """Of no paper: the ideal one."""

    def __attrs_post_init__(self) -> None:
        conductances_in_order(self.g_min, self.g_max, self.g_fit)

    @property
    def lowest(self) -> float:
        """x_min = g_min/g_max."""
        return float(self.g_min / self.g_max)

    def at(self, conditions: Conditions) -> Pcm:
        """Itself: the curves are those of room temperature."""
        return self

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Cells:
        """Which devices are dead, and the steps of the others."""
        return draw_pairs(shape, generator, law=self.update_law, faults=self.faults, lowest=self.lowest)

    def levels(self, weights: ArrayLike) -> Array:
        """The nearest of the steps."""
        return steps_of(weights, self.steps)

    def programming_sigma(self, x: Array) -> Array:
        """σ_prog/g_max of devices x = g/g_max."""
        microsiemens = np.maximum(polynomial(self.sigma, self._fitted(x)), 0)
        return microsiemens / float(self.g_max / usiemens)

    def program(
        self, weights: ArrayLike, generator: np.random.Generator, *, cells: Cells | None = None
    ) -> Array:
        """Both devices miss by σ_prog."""
        aim = self.levels(weights)
        stuck = (cells or self.draw(aim.shape, generator)).fitting(aim.shape).stuck
        return write_pair(aim, self.programming_sigma, generator, lowest=self.lowest, stuck=stuck)

    def drift_exponent(self, weights: ArrayLike, generator: np.random.Generator) -> Array:
        """ν of the device that conducts."""
        return self._exponent(targets(weights), generator.standard_normal(np.shape(weights)))

    def _exponent(self, weights: Array, normals: Array) -> Array:
        y = self._conducting(weights)
        return np.abs(self.drift_mean(y) + self.drift_spread(y) * normals)

    def _conducting(self, weights: Array) -> Array:
        """y of the device that conducts."""
        return self._fitted(self.lowest + (1 - self.lowest) * np.abs(np.clip(weights, -1, 1)))

    def age(self, weights: ArrayLike, time: Quantity, generator: np.random.Generator) -> Array:
        """w (t/t₀)^−ν."""
        exponent = self.drift_exponent(weights, generator)
        return retained(weights, exponent, time, reference_time=self.reference_time)

    def read_sigma(self, weights: ArrayLike, time: Quantity) -> Array:
        """Of both devices; 0 within t_r of programming, when nothing can have been read."""
        now, reading = seconds(time), float(self.read_time)
        spread = float(np.sqrt(np.log(max((now + reading) / (2 * reading), 1.0))))
        ratio = max(now / float(self.reference_time), 1.0)

        def sigma(x: Array) -> Array:
            y = self._fitted(x)
            target = np.minimum(y * ratio ** self.drift_mean(y), 1.0)
            return spread * x * self.read(target)

        return pair_sigma(weights, sigma, lowest=self.lowest)

    def store(
        self, weights: ArrayLike, generator: np.random.Generator, *, cells: Cells | None = None
    ) -> Array:
        """As `program`."""
        return self.program(weights, generator, cells=cells)

    def after_writing(self, levels: ArrayLike) -> Moments:
        """Both devices miss, and none goes below zero."""
        return missed_pair(np.asarray(levels, float), self.programming_sigma, lowest=self.lowest)

    def keeping(self) -> Keeping:
        """x (age/t₀)^−ν from t₀ on, with the ν of what is stored; a device stays as far off the mean ν as it is."""
        start = float(self.reference_time)
        text = f"""y = clip((lowest + (1 - lowest)*clip(abs(x), 0, 1))*fitted, 0, 1)
exponent = abs({curve_text("drift", self.drift_mean, "y")} + {curve_text("spread", self.drift_spread, "y")}*fate)
kept = x*clip(age/t_reference, 1, {HUGE})**(-exponent)"""
        parameters = {
            **self._scales(),
            **curve_parameters("drift", self.drift_mean, "mean exponent of drift"),
            **curve_parameters("spread", self.drift_spread, "spread of the exponent"),
        }

        def kept(x: Array, age: Array, fate: Array) -> Array:
            return np.asarray(x * np.maximum(age / start, 1) ** -self._exponent(x, fate))

        def moments(x: Array, age: Array) -> Moments:
            y = self._conducting(x)
            left = powered(np.log(np.maximum(age / start, 1)), self.drift_mean(y), self.drift_spread(y))
            return Moments(mean=x * left.mean, sigma=np.abs(x) * left.sigma)

        fragment = Fragment(equations="", after=text, parameters=parameters)
        return Keeping(statements=fragment, kept=kept, moments=moments, fate=OF_DEVICE, loses=True)

    def conduction(self, cells: Cells) -> Conduction:
        """What they keep."""
        return Conduction()

    def answer(self, cells: Cells) -> Answer:
        """By its law."""
        return answer_of(self.update_law, cells)

    def reading(self) -> Fragment | None:
        """`read_sigma`."""

        def variance(device: str) -> str:
            target = f"clip(y_{device}*drifted**{curve_text('drift', self.drift_mean, f'y_{device}')}, 0, 1)"
            return f"({device}*{curve_text('read', self.read, target)})**2"

        text = f"""{pair_text("kept")}
y_plus = clip(plus*fitted, 0, 1)
y_minus = clip(minus*fitted, 0, 1)
drifted = clip(age/t_reference, 1, {HUGE})
octaves = log(clip((age + t_reading)/(2*t_reading), 1, {HUGE}))
sigma = sqrt(octaves)*{joined(variance("plus"), variance("minus"))}"""
        parameters = {
            **self._scales(),
            "t_reading": Parameter(value=self.read_time, meaning="how long one reading takes"),
            **curve_parameters("drift", self.drift_mean, "mean exponent of drift"),
            **curve_parameters("read", self.read, "read noise over the conductance"),
        }
        return Fragment(equations="", after=text, parameters=parameters)

    def _scales(self) -> dict[str, Parameter]:
        return {
            "lowest": Parameter(value=self.lowest, meaning="g_min/g_max"),
            "fitted": Parameter(value=float(self.g_max / self.g_fit), meaning="g_max/g_fit"),
            "t_reference": Parameter(value=self.reference_time, meaning="t₀"),
        }

    def _fitted(self, x: Array) -> Array:
        """y of devices x = g/g_max, no more than 1: nothing is known beyond."""
        return np.minimum(x * float(self.g_max / self.g_fit), 1.0)
