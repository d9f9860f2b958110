"""A converter between analog and digital: the grid it rounds to, the energy of a conversion, its area."""

from __future__ import annotations

import attrs
import numpy as np
from brian2 import Quantity, joule, metre, mmetre
from numpy.typing import ArrayLike, NDArray

from hardware_models.checks import number, quantity, truth, whole
from hardware_models.quantity import QuantityError

Array = NDArray[np.float64]

FEMTOJOULE = 1e-15 * joule


@attrs.frozen(kw_only=True)
class Walden:
    """Energy over 2^bits of a conversion, as the best tenth, the median and the worst tenth of published converters."""

    p10: Quantity = attrs.field(default=24 * FEMTOJOULE, validator=quantity(0 * joule, least=0), eq=float)
    p50: Quantity = attrs.field(default=41 * FEMTOJOULE, validator=quantity(0 * joule, least=0), eq=float)
    p90: Quantity = attrs.field(default=123 * FEMTOJOULE, validator=quantity(0 * joule, least=0), eq=float)


@attrs.frozen(kw_only=True)
class Converter:
    """Q(v) = Δ·round(v/Δ) clipped to ± full scale (to 0 and full scale where unsigned),  E = F·2^bits.

    Mid-tread: 0 stays 0, so that a controller whose error has died away stays at rest. Signed, Δ = full scale over
    2^(bits−1) − 1: both ends are codes, and one of the 2^bits codes is never used. Unsigned, full scale/(2^bits − 1).
    Between codes it rounds to the nearest, in the middle to the even one.

    Energy and area are those of a survey, not of a chip: successive-approximation converters, Murmann's survey to
    2025. F is stated there for the effective number of bits; with the nominal one, which is half a bit to a bit
    more, E comes out on the safe side.
    """

    bits: int = attrs.field(default=0, validator=whole(least=0, most=24))
    """0: there is no converter, values pass as they are."""
    full_scale: float = attrs.field(default=1.0, validator=number(above=0))
    """Largest value it can give, in units of activity."""
    signed: bool = attrs.field(default=True, validator=truth)
    coarse: Walden = attrs.field(factory=Walden, metadata={"given": True})
    """4.5 to 7 bits."""
    medium: Walden = attrs.field(
        factory=lambda: Walden(p10=2.4 * FEMTOJOULE, p50=22 * FEMTOJOULE, p90=86 * FEMTOJOULE),
        metadata={"given": True},
    )
    """Above 7, to 9 bits."""
    fine: Walden = attrs.field(
        factory=lambda: Walden(p10=2.2 * FEMTOJOULE, p50=20 * FEMTOJOULE, p90=270 * FEMTOJOULE),
        metadata={"given": True},
    )
    """Above 9, to 11 bits."""
    coarse_area: Quantity = attrs.field(
        default=0.0055 * mmetre**2,
        validator=quantity(metre**2, least=0),
        eq=float,
        metadata={"given": True},
    )
    """Median of the survey, 4.5 to 7 bits."""
    fine_area: Quantity = attrs.field(
        default=0.068 * mmetre**2,
        validator=quantity(metre**2, least=0),
        eq=float,
        metadata={"given": True},
    )
    """Median of the survey, 9 to 11 bits. The class between has the geometric mean of both: our reading."""

    def __attrs_post_init__(self) -> None:
        if self.bits == 1 and self.signed:
            raise QuantityError("bits 0, or at least 2 with a sign", "1", "bits")

    @property
    def present(self) -> bool:
        """Whether there is one."""
        return self.bits > 0

    @property
    def step(self) -> float:
        """Δ, in units of activity; 0 without a converter."""
        return self.full_scale / self._largest_code if self.present else 0.0

    @property
    def _largest_code(self) -> int:
        return int(2 ** (self.bits - self.signed)) - 1

    @property
    def least(self) -> float:
        """Smallest value it can give."""
        return -self.full_scale if self.signed else 0.0

    def quantise(self, values: ArrayLike) -> Array:
        """What comes out for values, of any shape; nan stays nan."""
        values = np.array(values, float)
        if not self.present:
            return values
        codes = np.clip(
            np.rint(values / self.step), -self._largest_code if self.signed else 0, self._largest_code
        )
        return np.asarray(codes * self.full_scale / self._largest_code) + 0.0  # no negative zero

    def energy(self, percentile: int = 50) -> Quantity:
        """Of one conversion, J; 0 without a converter.

        Raises
        ------
        QuantityError : a percentile other than 10, 50 or 90, or bits for which there is no survey.
        """
        if percentile not in (10, 50, 90):
            raise QuantityError("percentile 10, 50 or 90", repr(percentile), "percentile")
        if not self.present:
            return 0 * joule
        figure: Quantity = getattr((self.coarse, self.medium, self.fine)[self._class], f"p{percentile}")
        return figure * 2**self.bits

    @property
    def area(self) -> Quantity:
        """m²; 0 without a converter. QuantityError as for `energy`."""
        if not self.present:
            return 0 * metre**2
        middle = Quantity(self.coarse_area * self.fine_area) ** 0.5
        return (self.coarse_area, middle, self.fine_area)[self._class]

    @property
    def _class(self) -> int:
        if not 5 <= self.bits <= 11:
            raise QuantityError("bits from 5 to 11, for which energies were surveyed", str(self.bits), "bits")
        return 0 if self.bits <= 7 else 1 if self.bits <= 9 else 2
