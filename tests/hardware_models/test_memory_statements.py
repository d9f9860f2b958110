"""What memories say in equations, against what they do in numpy."""

from typing import Any

import attrs
import numpy as np
import pytest
from brian2 import second, usiemens

from hardware_models.fragment import Fragment
from hardware_models.memory import MEMORIES, CellArray, Memory, Pcm, Rram, Sram, UpdateLaw
from hardware_models.memory.emulated import answer_of
from tests.hardware_models.memories import HERMES_DRIFT

N = 2000
DAY = 86400.0
HERMES = Pcm(
    g_max=10.35 * usiemens,
    g_fit=10.35 * usiemens,
    drift_mean=HERMES_DRIFT,
)
CASES: dict[str, Memory] = {
    **{name: cls() for name, cls in MEMORIES.items()},
    "hermes": HERMES,
    "pedestal": Pcm(g_min=3 * usiemens),
    "high": Rram(g_min=4 * usiemens, g_max=20 * usiemens),
}
ALL = pytest.mark.parametrize("memory", list(CASES.values()), ids=list(CASES))
FUNCTIONS = {
    **{name: getattr(np, name) for name in ("clip", "exp", "log", "log10", "sqrt", "floor", "sign", "abs")},
    "int": lambda truth: np.asarray(truth).astype(int),
    "second": 1.0,
    "amp": 1.0,
}


def evaluated(fragment: Fragment, result: str, **inputs: Any) -> np.ndarray:
    """A variable that statements make of inputs, in SI units."""
    numbers = {name: np.asarray(parameter.value, float) for name, parameter in fragment.parameters.items()}
    names = {**FUNCTIONS, **numbers, **inputs}
    exec(fragment.after, names)
    return np.broadcast_to(names[result], np.shape(inputs["age"] if "age" in inputs else inputs["kept"]))


def drawn() -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Weights, some beyond full scale, one zero; and normals."""
    generator = np.random.default_rng(1)
    weights = generator.uniform(-1.1, 1.1, N)
    weights[0] = 0.0
    return weights, generator.standard_normal(N), generator


@ALL
@pytest.mark.parametrize("time", [0.0, 20.0, 3e3, DAY, 1.9 * DAY])
def test_ageing(memory: Memory, time: float) -> None:
    """As `age` of the same normals. 1e-9: near the reference time both take roots of what two squares differ by, which
    are alike to some digits."""
    weights, _, _ = drawn()
    aged = memory.age(weights, time * second, np.random.default_rng(3))
    keeping, fate = memory.keeping(), np.random.default_rng(3).standard_normal(N)
    said = evaluated(keeping.statements, "kept", x=weights, age=np.full(N, time), fate=fate)
    np.testing.assert_allclose(said, aged, rtol=1e-11, atol=1e-9)
    np.testing.assert_allclose(keeping.kept(weights, np.full(N, time), fate), aged, rtol=1e-13, atol=1e-15)


@ALL
def test_cells_age_each_for_itself(memory: Memory) -> None:
    weights, fate, generator = drawn()
    ages = np.exp(generator.uniform(-8, 11, N))
    keeping = memory.keeping()
    together = keeping.kept(weights, ages, fate)
    alone = [float(keeping.kept(weights[n : n + 1], ages[n : n + 1], fate[n : n + 1])[0]) for n in range(50)]
    np.testing.assert_array_equal(together[:50], alone)
    said = evaluated(keeping.statements, "kept", x=weights, age=ages, fate=fate)
    np.testing.assert_allclose(said, together, rtol=1e-11, atol=1e-9)
    assert keeping.loses == bool(np.any(together != weights))


@ALL
@pytest.mark.parametrize("time", [0.0, 1e-3, 20.0, DAY])
def test_reading(memory: Memory, time: float) -> None:
    """As `read_sigma`; None says that it is 0."""
    weights, _, _ = drawn()
    sigma, reading = memory.read_sigma(weights, time * second), memory.reading()
    if reading is None:
        assert not sigma.any()
        return
    assert time == 0 or sigma.any()
    said = evaluated(reading, "sigma", kept=weights, age=np.full(N, time))
    np.testing.assert_allclose(said, sigma, rtol=1e-11, atol=1e-15)


@ALL
def test_conduction(memory: Memory) -> None:
    """What is stored conducts what `program` says that writing leaves."""
    weights, _, _ = drawn()
    cells = memory.draw((N,), np.random.default_rng(4))
    stored = memory.store(weights, np.random.default_rng(5), cells=cells)
    conducts = memory.program(weights, np.random.default_rng(5), cells=cells)
    conduction = memory.conduction(cells)
    np.testing.assert_array_equal(conduction.conducted(stored), conducts)
    np.testing.assert_allclose(
        evaluated(conduction.statements, "conducted", kept=stored), conducts, rtol=1e-13, atol=1e-15
    )


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("law", [{}, {"smallest_step": 0.01, "cycle_spread": 0.7, "asymmetry": 0.3}])
def test_an_update_is_that_of_the_law(law: dict[str, Any], soft: bool) -> None:
    """Bit for bit, of the same normals; dead cells stay."""
    own = UpdateLaw(device_spread=0.5, soft=soft, **law)
    weights, normals, generator = drawn()
    wanted = generator.normal(0, 0.1, N)
    wanted[1] = 0.0
    memory = Pcm(update_law=own)
    cells = memory.draw((N,), generator)
    cells = attrs.evolve(cells, step=np.where(np.arange(N) % 7 == 0, 0.0, cells.step))
    answer = answer_of(own, cells)
    assert answer.random == bool(law)
    said = evaluated(answer.statements(("z", "unused")), "changed", kept=weights, wanted=wanted, z=normals)
    expected = own.apply(weights, wanted, normals=normals if law else 0.0, device_factor=cells.step)
    np.testing.assert_array_equal(said, expected)
    np.testing.assert_array_equal(
        answer.changed(weights, wanted), own.apply(weights, wanted, device_factor=cells.step)
    )
    stays = np.clip(weights, -1, 1) == said
    assert stays[cells.step == 0].all()


def test_digital_cells_round_at_random() -> None:
    """k' = ⌊k + KΔ + u⌋: always a code, the mean right to four standard errors of a Bernoulli step."""
    memory = Sram(bits=5)
    cells = memory.draw((N,), np.random.default_rng(1))
    answer, largest = memory.answer(cells), memory.largest_code
    kept, wanted = np.full(N, 3 / largest), np.full(N, 0.3 / largest)
    first, second_ = np.random.default_rng(2).standard_normal((2, N))
    said = evaluated(
        answer.statements(("first", "second_")),
        "changed",
        kept=kept,
        wanted=wanted,
        first=first,
        second_=second_,
    )
    codes = said * largest
    np.testing.assert_allclose(codes, np.rint(codes), rtol=0, atol=1e-12)
    assert set(np.rint(codes)) == {3.0, 4.0}
    assert abs(codes.mean() - 3.3) < 4 * np.sqrt(0.3 * 0.7 / N)
    np.testing.assert_array_equal(answer.changed(kept, wanted), kept)  # to the nearest
    np.testing.assert_array_equal(answer.changed(kept, 2 * wanted), kept + 1 / largest)


def test_an_array_has_units_of_the_network() -> None:
    streams = {"cells": np.random.default_rng(1), "fates": np.random.default_rng(2)}
    array = CellArray.draw(Pcm(), (30, 20), streams.__getitem__, full_scale=4.0)
    weights = np.random.default_rng(3).uniform(-5, 5, (30, 20))
    stored = array.written(weights, np.random.default_rng(4))
    expected = 4 * Pcm().program(weights / 4, np.random.default_rng(4), cells=array.cells)
    np.testing.assert_array_equal(stored, expected)
    np.testing.assert_array_equal(array.held(stored, array.first_age, array.fates), stored)
    exponent = Pcm().drift_exponent(stored / 4, np.random.default_rng(2))  # of the same normals
    later = array.held(stored, array.first_age * 50, array.fates)
    np.testing.assert_allclose(later, stored * 50.0**-exponent, rtol=1e-13, atol=0)
