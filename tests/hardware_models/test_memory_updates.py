"""How weights answer to wanted changes: mean, spread, bounds."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_models.memory import CapacitorCell, Pcm, Rram, Sram, UpdateLaw
from hardware_models.quantity import QuantityError
from tests.hardware_models.draws import ROUNDING, N, assert_mean, assert_sigma

laws = st.builds(
    UpdateLaw,
    smallest_step=st.floats(0, 1),
    device_spread=st.floats(0, 1),
    cycle_spread=st.floats(0, 5),
    asymmetry=st.floats(-0.9, 5),
    soft=st.booleans(),
)
weights = st.floats(-1, 1)
changes = st.floats(-2, 2)


def test_the_ideal_law_does_what_is_wanted() -> None:
    np.testing.assert_array_equal(
        UpdateLaw().apply([0.1, 0.9, -0.9], [0.2, 0.2, -0.3], normals=5.0), [0.1 + 0.2, 1, -1]
    )


@pytest.mark.parametrize(
    ("weight", "wanted", "expected"),
    [
        (0.0, 0.01, 0.012),
        (0.0, -0.01, -0.01 / 1.2),
        (0.5, 0.01, 0.506),
        (0.5, -0.01, 0.4875),
        (1.0, 0.01, 1.0),
    ],
)
def test_soft_bounds_and_asymmetry(weight: float, wanted: float, expected: float) -> None:
    """√(1 + a) = 1.2 up and 1/1.2 down; the room is 1 − w up, 1 + w down."""
    law = UpdateLaw(asymmetry=0.44, soft=True)
    assert float(law.apply(weight, wanted)) == pytest.approx(expected, rel=ROUNDING, abs=ROUNDING)


def test_up_and_down_balance_where_they_should() -> None:
    """Alternating pulses of a soft law end where (1 + a)(1 − w) = 1 + w: w = a/(2 + a), the symmetry point.

    δ: the ripple of one pulse, and the second order of 200 000 pulses.
    """
    law, weight, step = UpdateLaw(asymmetry=0.5, soft=True), np.array(-0.9), 1e-3
    for _ in range(5000):
        weight = law.apply(law.apply(weight, step), -step)
    assert float(weight) == pytest.approx(0.2, rel=0, abs=step)


def test_spread_of_an_update() -> None:
    """s c √(|Δ| δ): as 25 pulses of mean s δ and standard deviation c s δ each, where s = f √(1 + a)(1 − w)."""
    law = UpdateLaw(smallest_step=0.002, cycle_spread=0.4, asymmetry=0.21, soft=True)
    normals = np.random.default_rng(1).standard_normal(N)
    drawn = law.apply(np.full(N, 0.5), np.full(N, 0.05), normals=normals, device_factor=0.8)
    slope = 0.8 * 1.1 * 0.5
    sigma = 5 * slope * 0.4 * 0.002
    assert_sigma(drawn, sigma)
    assert_mean(drawn, 0.5 + slope * 0.05, sigma)


def test_one_update_spreads_like_many_small_ones() -> None:
    """Mean and variance are those of the pulses, however they are grouped."""
    law = UpdateLaw(smallest_step=0.001, cycle_spread=1.0)
    draw = np.random.default_rng(2).standard_normal
    many = np.zeros(N)
    for _ in range(20):
        many = law.apply(many, np.full(N, 0.002), normals=draw(N))
    one = law.apply(np.zeros(N), np.full(N, 0.04), normals=draw(N))
    for drawn in (many, one):
        assert_sigma(drawn, np.sqrt(0.04 * 0.001))
        assert_mean(drawn, 0.04, np.sqrt(0.04 * 0.001))


def test_steps_differ_from_device_to_device() -> None:
    factor = UpdateLaw(device_spread=0.7).draw_factor((N,), np.random.default_rng(3))
    assert_mean(np.log(factor), 0.0, 0.7)
    assert_sigma(np.log(factor), 0.7)
    again = UpdateLaw(device_spread=0.7).draw_factor((N,), np.random.default_rng(3))
    np.testing.assert_array_equal(factor, again)


@given(law=laws, weight=weights, wanted=changes, normal=st.floats(-6, 6), factor=st.floats(0, 10))
def test_weights_stay_within_full_scale(
    law: UpdateLaw, weight: float, wanted: float, normal: float, factor: float
) -> None:
    assert -1 <= float(law.apply(weight, wanted, normals=normal, device_factor=factor)) <= 1


@given(law=laws, weight=weights, normal=st.floats(-6, 6))
def test_nothing_wanted_nothing_happens(law: UpdateLaw, weight: float, normal: float) -> None:
    assert float(law.apply(weight, 0.0, normals=normal)) == weight
    assert float(law.apply(weight, 0.5, normals=normal, device_factor=0.0)) == weight


@given(law=laws, weight=weights, wanted=changes)
def test_the_mean_goes_where_it_is_wanted(law: UpdateLaw, weight: float, wanted: float) -> None:
    """And down is up, mirrored, with the asymmetry the other way round: √ rounds once."""
    moved = float(law.apply(weight, wanted)) - weight
    assert moved == 0 or np.sign(moved) == np.sign(wanted)
    ratio = law.apply(0.0, 1e-6) / -law.apply(0.0, -1e-6)
    assert float(ratio) == pytest.approx(1 + law.asymmetry, rel=ROUNDING, abs=0)


def test_laws_of_the_memories() -> None:
    """As published: HfO2 of Gong et al. 2022, the capacitor cell of Li et al. 2018; a bit of a converter."""
    rram, cell = Rram().update_law, CapacitorCell().update_law
    assert (rram.smallest_step, rram.device_spread, rram.soft) == (0.462, 0.71, True)
    assert (cell.smallest_step, cell.device_spread, cell.soft) == (0.005, 0.1, False)
    assert Sram(bits=6).update_law == UpdateLaw(smallest_step=1 / 31)
    assert Pcm().update_law == UpdateLaw()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"smallest_step": 1.5}, "smallest_step from 0 to 1"),
        ({"device_spread": -0.1}, "device_spread a number"),
        ({"cycle_spread": np.inf}, "cycle_spread a number"),
        ({"asymmetry": -1.0}, "asymmetry a number, finite and above -1"),
        ({"soft": 1}, "soft true or false"),
    ],
)
def test_refusals_name_the_field(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(QuantityError, match=named):
        UpdateLaw(**wrong)
