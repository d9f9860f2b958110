"""A five-transistor OTA from its geometry, and one of which only the spread is known."""

from __future__ import annotations

import attrs
import numpy as np
from brian2 import Quantity, amp, pamp, volt

from hardware_models.checks import fraction, gain, number, quantity
from hardware_models.coupling import OperatingPoint
from hardware_models.ekv import REFERENCE, Transistor
from hardware_models.process import Conditions
from hardware_models.quantity import QuantityError, within


@attrs.frozen(kw_only=True)
class Ota:
    """A five-transistor OTA: I = I_b tanh(g ΔV/I_b),  g = gm(I_b/2)/D;  I_b tanh(κΔV/(2U_T D)) in weak inversion.

    Input pair and tail mirror of one kind, load mirror of the other. With D > 1 capacitors divide the input: the
    linear range, offset and noise at the input grow by D. Noise: four devices at I_b/2 each. Offset: both pairs,
    V_os² = D²(σ²_pair + (gm_load/gm_pair)² σ²_load + …); g: the tail's mirror and half of the load's.
    """

    pair: Transistor = attrs.field(factory=Transistor)
    load: Transistor = attrs.field(factory=lambda: Transistor(kind="p"))
    tail: Transistor = attrs.field(factory=Transistor)
    """The mirror that brings the bias current."""
    attenuation: float = attrs.field(default=1.0, validator=number(least=1))
    """D."""
    gain: float = attrs.field(default=float("inf"), validator=gain)
    """A_0 from the pair's gate. An input: V_A is not always ∝ L."""
    smallest_bias: Quantity = attrs.field(default=0.1 * pamp, validator=quantity(0 * amp, above=0), eq=float)
    """Leakage takes over below."""
    largest_inversion: float = attrs.field(default=1.0, validator=number(above=0))
    """Inversion coefficient of the pair up to which the tanh stands for its curve: at 1 it is 4.7 % of I_b off."""

    def bias(self, conductance: Quantity, conditions: Conditions) -> Quantity:
        """I_b at the temperature the chip works at, A: designed at 27 °C and tt, then as the bias circuit tracks."""
        with within("pair"):
            mos = conditions.typical.device(self.pair)
            gm = self.attenuation * conductance
            q = float(gm / (mos.slope(REFERENCE) * mos.specific(self.pair, REFERENCE)))
        if q * (1 + q) > self.largest_inversion:
            raise QuantityError(
                f"an inversion coefficient of at most {self.largest_inversion:g}, up to which its tanh holds",
                f"{q * (1 + q):.3g} for {conductance}",
                "pair",
                limit="largest_inversion",
            )
        with within("pair"):
            bias = 2 * mos.current_for(gm, self.pair, REFERENCE)
        if float(bias) < float(self.smallest_bias):
            raise QuantityError(
                f"a bias of at least {self.smallest_bias}", f"{bias} for {conductance}", limit="smallest_bias"
            )
        if conditions.tracking == "constant_gm":
            bias = bias * float(mos.slope(REFERENCE) / mos.slope(conditions.temperature))
        return bias

    def operate(self, conductance: Quantity, conditions: Conditions) -> OperatingPoint:
        """Its point at the temperature and corner."""
        bias, t, process = self.bias(conductance, conditions), conditions.temperature, conditions.process
        half = bias / 2
        with within("pair"):
            pair = process.device(self.pair)
            gm = pair.gm_over_id(half, self.pair, t) * half
        with within("load"):
            load = process.device(self.load)
            gm_load = load.gm_over_id(half, self.load, t) * half
        with within("tail"):
            mirror = process.device(self.tail).sigma_log_current(self.tail, bias, t)
        transconductance = gm / self.attenuation
        ratio = float(gm_load / gm)
        thresholds = np.hypot(float(pair.sigma_vt(self.pair)), ratio * float(load.sigma_vt(self.load)))
        betas = np.hypot(pair.sigma_beta(self.pair), load.sigma_beta(self.load)) * float(half / gm)
        return OperatingPoint(
            conductance=transconductance,
            designed=conductance,
            linear_range=bias / transconductance if conditions.saturating else np.inf * volt,
            gain_spread=float(np.hypot(mirror, 0.5 * load.sigma_log_current(self.load, half, t))),
            offset_spread=self.attenuation * float(np.hypot(thresholds, betas)) * volt,
            white=2
            * (pair.white_noise_density(half, self.pair, t) + load.white_noise_density(half, self.load, t)),
            flicker=2 * (pair.flicker_density(half, self.pair, t) + load.flicker_density(half, self.load, t)),
            flicker_exponent=0.5 * (pair.flicker_exponent + load.flicker_exponent),
            gain=self.gain / self.attenuation,
            supply_current=bias,
            area=2 * (self.pair.area + self.load.area + self.tail.area),
            traps=tuple(
                (2 * process.traps.number(device), slope * process.traps.step(device))
                for device, slope in ((self.pair, gm), (self.load, gm_load))
                if process.traps.number(device) > 0
            ),
        )


@attrs.frozen(kw_only=True)
class MeasuredOta:
    """An OTA of which only the spread is known, from measured chips, not the geometry."""

    bias_mos: Transistor = attrs.field(factory=Transistor)
    """A device like that of its pair: gm and noise follow from its current."""
    gain_spread: float = attrs.field(default=0.0, validator=fraction)
    """σ(ln g)."""
    offset_spread: Quantity = attrs.field(default=0 * volt, validator=quantity(0 * volt, least=0), eq=float)
    gain: float = attrs.field(default=float("inf"), validator=gain)
    attenuation: float = attrs.field(default=1.0, validator=number(least=1))
    smallest_bias: Quantity = attrs.field(default=0.1 * pamp, validator=quantity(0 * amp, above=0), eq=float)

    def operate(self, conductance: Quantity, conditions: Conditions) -> OperatingPoint:
        """That of an OTA of such devices, with the measured spreads in place of those from geometry."""
        mirrored = attrs.evolve(self.bias_mos, kind="p" if self.bias_mos.kind == "n" else "n")
        like = Ota(
            pair=self.bias_mos,
            load=mirrored,
            tail=self.bias_mos,
            attenuation=self.attenuation,
            gain=self.gain,
            smallest_bias=self.smallest_bias,
        )
        try:
            point = like.operate(conductance, conditions)
        except QuantityError as error:
            error.key = error.key.replace("pair", "bias_mos")
            raise
        return attrs.evolve(point, gain_spread=self.gain_spread, offset_spread=self.offset_spread)
