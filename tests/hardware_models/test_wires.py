"""The first order of IR drop against the exact currents of a resistive grid."""

import numpy as np
import pytest
from brian2 import ohm, siemens, usiemens, volt
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

from hardware_models.quantity import QuantityError
from hardware_models.wires import Wires

Array = NDArray[np.float64]
WIRES = Wires(cell_resistance=1 * ohm)
SHAPES = pytest.mark.parametrize("shape", [(8, 8), (24, 24), (6, 40), (40, 6), (1, 20)])


def exact(conductance: Array, inputs: Array) -> Array:
    """Currents of cells (n_post, n_pre) by Kirchhoff, 1 S of wire from cell to cell and to driver and ground."""
    inner = np.arange(conductance.size).reshape(conductance.shape)
    outer = inner + inner.size
    ties = [(inner, outer, conductance)]
    ties += [(a, b, np.ones(a.shape)) for a, b in ((inner[:-1], inner[1:]), (outer[:, :-1], outer[:, 1:]))]
    a, b, g = (np.concatenate([tie[k].ravel() for tie in ties]) for k in range(3))
    ends = np.concatenate([inner[0], outer[:, 0]])
    rows, columns = np.concatenate([a, b, a, b, ends]), np.concatenate([a, b, b, a, ends])
    values = np.concatenate([g, g, -g, -g, np.ones(len(ends))])
    driven = np.zeros(2 * inner.size)
    driven[inner[0]] = inputs
    size = (len(driven), len(driven))
    voltage = spsolve(coo_matrix((values, (rows, columns)), shape=size).tocsc(), driven)
    return conductance * (voltage[inner] - voltage[outer])


def conductance_for(shape: tuple[int, int], drop: float) -> float:
    """Of cells whose worst one loses so much in first order, S."""
    return drop / float(WIRES.drop(shape, 1 * siemens).max())


def test_drops_by_hand() -> None:
    """2 × 3 cells: lines of inputs carry 2, 1 cells, those of outputs 3, 2, 1."""
    drop = WIRES.drop((2, 3), 1 * siemens)
    np.testing.assert_array_equal(drop, [[2 + 3, 2 + 5, 2 + 6], [3 + 3, 3 + 5, 3 + 6]])


@SHAPES
@pytest.mark.parametrize("worst", [0.01, 0.1, 0.5])
def test_cells_that_are_alike(shape: tuple[int, int], worst: float) -> None:
    """Off by δ²/6 of the worst cell: what the second order of 1/cosh and 1/(1 + δ) differ by; .16 δ² is measured."""
    g = conductance_for(shape, worst)
    left = exact(np.full(shape, g), np.ones(shape[1])) / g
    factor = WIRES.factor(shape, g * siemens)
    np.testing.assert_allclose(factor, left, rtol=0, atol=worst**2 / 6)


@SHAPES
@pytest.mark.parametrize("worst", [0.1, 0.49])
def test_outputs_of_cells_that_differ(shape: tuple[int, int], worst: float) -> None:
    """Conductances and inputs even from 0 to twice their mean: off by no more than a third of δ, usually a tenth.

    Of thirty draws the worst is .31 δ in an array of 8 × 8, .18 δ in larger ones; all of δ and more without wires.
    """
    for seed in range(10):
        generator = np.random.default_rng(seed)
        g = generator.uniform(0, 2, shape)
        g *= conductance_for(shape, worst) / g.mean()
        inputs = generator.uniform(0, 2, shape[1])
        truth = exact(g, inputs).sum(1)
        estimate = (g * WIRES.factor(shape, g.mean() * siemens)) @ inputs
        off, ideal = (float(np.abs(y - truth).max() / truth.mean()) for y in (estimate, g @ inputs))
        assert off < worst / 3
        assert off < ideal


def test_where_first_order_ends() -> None:
    """At δ = 2 it is off by several times as much as at .5, so `factor` refuses beyond; 1 − δ would be negative."""
    shape, trusting = (24, 24), Wires(cell_resistance=1 * ohm, largest_drop=10.0)
    off = []
    for worst in (0.5, 2.0):
        g = conductance_for(shape, worst)
        left = exact(np.full(shape, g), np.ones(24)) / g
        off.append(float(np.abs(trusting.factor(shape, g * siemens) / left - 1).max()))
    assert off[1] > 4 * off[0]
    with pytest.raises(QuantityError, match=r"at most 0.5 of an input.*24 × 24") as caught:
        WIRES.factor(shape, conductance_for(shape, 0.51) * siemens)
    assert caught.value.limit == "largest_drop"


@given(
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    drop=st.floats(0, 0.5),
)
def test_farther_cells_lose_more(shape: tuple[int, int], drop: float) -> None:
    factor = WIRES.factor(shape, conductance_for(shape, drop) * siemens)
    assert factor.shape == shape
    assert np.all((factor > 0) & (factor <= 1))
    assert np.all(np.diff(factor, axis=0) <= 0)
    assert np.all(np.diff(factor, axis=1) <= 0)


def test_wires_without_resistance_lose_nothing() -> None:
    np.testing.assert_array_equal(
        Wires(cell_resistance=0 * ohm).factor((3, 4), 25 * usiemens), np.ones((3, 4))
    )


def test_a_published_array() -> None:
    """256 × 256 cells of 5 µS, .25 Ω apart: 1.25e-6 · (256 · 257) = 8 % at the far corner."""
    worst = float(Wires().drop((256, 256), 5 * usiemens).max())
    assert worst == pytest.approx(0.25 * 5e-6 * 256 * 257, rel=1e-14, abs=0)  # four roundings


def test_refusals() -> None:
    with pytest.raises(QuantityError, match="cell_resistance finite and at least 0"):
        Wires(cell_resistance=-1 * ohm)
    with pytest.raises(QuantityError, match="mean_conductance as one quantity"):
        WIRES.drop((2, 2), 1 * volt)
    with pytest.raises(QuantityError, match="mean_conductance finite"):
        WIRES.drop((2, 2), -1 * siemens)
