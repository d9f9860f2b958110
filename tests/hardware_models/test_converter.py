"""The grid of a converter, and what a conversion costs."""

from typing import Any

import numpy as np
import pytest
from brian2 import joule, metre, mmetre
from brian2.units.fundamentalunits import have_same_dimensions
from hypothesis import given
from hypothesis import strategies as st

from hardware_models.converter import Converter, Walden
from hardware_models.quantity import QuantityError

ROUNDING = 1e-14
"""A quotient and a product, in units of full scale."""
converters = st.builds(
    Converter,
    bits=st.integers(2, 16),
    full_scale=st.floats(1e-3, 1e3),
    signed=st.booleans(),
)


def test_three_bits_by_hand() -> None:
    """Signed: −1, −2/3 … 1; halves go to the even code. Unsigned: 0, 1/7 … 1."""
    signed = Converter(bits=3).quantise([-9, -0.6, -0.1, 0, 0.16, 0.17, 0.5, 1, 9])
    np.testing.assert_allclose(signed * 3, [-3, -2, 0, 0, 0, 1, 2, 3, 3], rtol=0, atol=ROUNDING)
    unsigned = Converter(bits=3, signed=False).quantise([-1, 0.1, 0.5, 2])
    np.testing.assert_allclose(unsigned * 7, [0, 1, 4, 7], rtol=0, atol=7 * ROUNDING)


@given(converter=converters, values=st.lists(st.floats(-2e3, 2e3), min_size=1))
def test_a_grid_of_nearest_values(converter: Converter, values: list[float]) -> None:
    """Twice is once; off by half a step at most; no more than full scale; and as many values as codes."""
    once = converter.quantise(values)
    np.testing.assert_array_equal(converter.quantise(once), once)
    low = -converter.full_scale if converter.signed else 0.0
    off = np.abs(once - np.clip(values, low, converter.full_scale))
    assert np.all(off <= converter.step / 2 + ROUNDING * converter.full_scale)
    assert np.all(np.abs(once) <= converter.full_scale * (1 + ROUNDING))
    ramp = np.unique(converter.quantise(np.linspace(low, converter.full_scale, 10_000)))
    assert converter.bits > 12 or len(ramp) == 2**converter.bits - converter.signed


@given(values=st.lists(st.floats(-5, 5)), bits=st.integers(2, 16))
def test_signed_ones_are_odd_and_keep_zero(values: list[float], bits: int) -> None:
    converter = Converter(bits=bits, full_scale=2.5)
    np.testing.assert_array_equal(converter.quantise(-np.array(values)), -converter.quantise(values))
    assert float(converter.quantise(0.49 * converter.step)) == 0


@given(converter=converters, values=st.lists(st.floats(-2e3, 2e3), min_size=2))
def test_order_is_kept(converter: Converter, values: list[float]) -> None:
    assert np.all(np.diff(converter.quantise(sorted(values))) >= 0)


def test_without_bits_there_is_no_converter() -> None:
    values = np.array([[-3.0, 0.123], [np.pi, 1e9]])
    through = Converter().quantise(values)
    np.testing.assert_array_equal(through, values)
    assert through is not values
    assert not Converter().present
    assert float(Converter().energy()) == float(Converter().area) == Converter().step == 0


@pytest.mark.parametrize(
    ("bits", "femtojoules"),
    [
        (5, (24, 41, 123)),
        (7, (24, 41, 123)),
        (8, (2.4, 22, 86)),
        (9, (2.4, 22, 86)),
        (10, (2.2, 20, 270)),
        (11, (2.2, 20, 270)),
    ],
)
def test_energies_of_the_survey(bits: int, femtojoules: tuple[float, float, float]) -> None:
    for percentile, figure in zip((10, 50, 90), femtojoules, strict=True):
        energy = Converter(bits=bits).energy(percentile)
        assert have_same_dimensions(energy, joule)
        assert float(energy) == pytest.approx(figure * 1e-15 * 2**bits, rel=ROUNDING, abs=0)


def test_areas_of_the_survey() -> None:
    areas = [float(Converter(bits=bits).area / (1 * mmetre**2)) for bits in (6, 8, 10)]
    assert areas == pytest.approx([0.0055, np.sqrt(0.0055 * 0.068), 0.068], rel=ROUNDING, abs=0)
    assert have_same_dimensions(Converter(bits=8).area, metre**2)


def test_own_figures() -> None:
    own = Converter(bits=8, medium=Walden(p50=1e-14 * joule))
    assert float(own.energy()) == pytest.approx(2560e-15, rel=ROUNDING, abs=0)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"bits": 1}, "bits 0, or at least 2"),
        ({"bits": -1}, "bits a whole number"),
        ({"bits": 8.0}, "bits a whole number"),
        ({"full_scale": 0.0}, "full_scale a number"),
        ({"coarse_area": 1 * joule}, "coarse_area as one quantity"),
    ],
)
def test_refusals_name_the_field(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(QuantityError, match=named):
        Converter(**wrong)


def test_no_energy_where_nothing_was_surveyed() -> None:
    for bits in (4, 12):
        with pytest.raises(QuantityError, match="bits from 5 to 11"):
            Converter(bits=bits).energy()
    with pytest.raises(QuantityError, match="percentile 10, 50 or 90"):
        Converter(bits=8).energy(75)
