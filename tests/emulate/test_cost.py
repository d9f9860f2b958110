"""The cost of whole networks: sums, counts, and what changes with what."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from hardware_models.cost import controller_cost, rate_cost, soma_cost
from neurosim.emulate import Cost, Weights, chip_of, cost_of
from neurosim.emulate.cost import CostRow
from neurosim.errors import DataError, SpecError
from neurosim.learning import METHODS
from neurosim.spec import Spec
from tests.systems.nets import spec_of

ROUNDING = 1e-12
"""Sums of a dozen numbers in double precision."""
CHIP = {"name": "subthreshold_180nm"}
SPEC = spec_of([4, 6, 5, 3], chip=CHIP, run={"settle_duration": 2.0, "learn_duration": 6.0, "dt_ratio": 0.02})
"""14 neurons, 3 controllers, 24 + 30 + 15 weights, 14 biases, 18 + 15 + 9 feedback weights; 2 + 6 ms."""
DYNAMICAL = [name for name, method in METHODS.items() if method.dynamical]


def row(cost: Cost, part: str) -> CostRow:
    return next(row for row in cost.rows if row.part == part)


def changed(spec: Spec, **tables: dict[str, object]) -> Spec:
    """With some keys of network, method or run changed."""
    return attrs.evolve(
        spec, **{name: attrs.evolve(getattr(spec, name), **keys) for name, keys in tables.items()}
    )


def test_counts() -> None:
    counts = {row.part: row.count for row in cost_of(SPEC).rows}
    assert counts == {
        "input lines": 4,
        "somata": 14,
        "basal dendrites": 14,
        "apical dendrites": 14,
        "neuron outputs": 14,
        "comparators": 14,
        "synapses": 69 + 14,
        "feedback synapses": 42,
        "controllers": 3,
        "output holds": 3,
        "auto-zero holds": 14,
        "DAC (8 bits)": 1,
        "ADC (8 bits)": 1,
    }


def test_times_are_the_phases_of_the_protocol() -> None:
    cost = cost_of(SPEC)
    assert (cost.settle_s, cost.learn_s) == pytest.approx((2e-3, 6e-3), rel=ROUNDING)
    assert cost.time_s == pytest.approx(8e-3, rel=ROUNDING)


def test_rows_are_so_many_of_a_part() -> None:
    chip, cost = chip_of(SPEC), cost_of(SPEC)
    soma = soma_cost(chip, SPEC.network.tau_soma_ratio * chip.time_base, inputs=2)
    assert row(cost, "somata").power_W == pytest.approx(14 * float(soma.power), rel=ROUNDING)
    assert row(cost, "somata").area_m2 == pytest.approx(14 * float(soma.area), rel=ROUNDING)
    controller = controller_cost(chip, leak=SPEC.method.leak)
    assert row(cost, "controllers").power_W == pytest.approx(3 * float(controller.power), rel=ROUNDING)


def test_the_total_is_the_sum_and_energy_is_power_times_time() -> None:
    cost = cost_of(SPEC)
    for name in attrs.fields_dict(CostRow):
        if name != "part":
            assert getattr(cost.total, name) == pytest.approx(sum(getattr(r, name) for r in cost.rows))
    assert cost.total.area_m2 == pytest.approx(sum(r.area_m2 for r in cost.rows), rel=ROUNDING)
    for part in (*cost.rows, cost.total):
        assert part.energy_per_presentation_J == pytest.approx(part.power_W * cost.time_s, rel=ROUNDING)


def test_only_converters_have_a_spread() -> None:
    """4 + 3 conversions in, 3 out, of 256 steps of 2.4, 22 and 86 fJ."""
    cost = cost_of(SPEC)
    for part in cost.rows:
        spread = part.energy_low_J < part.energy_per_presentation_J < part.energy_high_J
        assert spread == part.part.endswith("bits)")
    for name, conversions in (("DAC (8 bits)", 7), ("ADC (8 bits)", 3)):
        part, step = row(cost, name), 256e-15 * conversions
        got = (part.energy_low_J, part.energy_per_presentation_J, part.energy_high_J)
        assert got == pytest.approx((2.4 * step, 22 * step, 86 * step), rel=ROUNDING)
    without = cost_of(SPEC, dac_bits=0, adc_bits=0)
    assert len(without.rows) == len(cost.rows) - 2
    assert without.total.energy_low_J == without.total.energy_high_J


def test_synapses_carry_the_mean_rate_times_their_weights() -> None:
    """I_unit V_dd (.3 Σ|w| + Σ|b|); feedback only for the 6 of 8 ms in which it is on."""
    weights = Weights.initial(SPEC)
    weights = attrs.evolve(weights, biases=tuple(np.full_like(b, -0.5) for b in weights.biases))
    cost, unit = cost_of(SPEC, weights=weights, activity=0.3), 1.8e-9
    forward = 0.3 * sum(np.abs(w).sum() for w in weights.forward) + 0.5 * 14
    assert row(cost, "synapses").power_W == pytest.approx(unit * forward, rel=ROUNDING)
    back = 0.3 * sum(np.abs(w).sum() for w in weights.feedback) * 6 / 8
    assert row(cost, "feedback synapses").power_W == pytest.approx(unit * back, rel=ROUNDING)


def test_twice_the_neurons_twice_the_power() -> None:
    """What belongs to neurons doubles; weights are given, so that their sum does too."""
    wide = changed(SPEC, network={"layers": (8, 12, 10, 6)})
    small, large = cost_of(SPEC, dac_bits=0, adc_bits=0), cost_of(wide, dac_bits=0, adc_bits=0)
    for part in small.rows:
        other = row(large, part.part)
        if "synapses" in part.part:
            continue
        assert other.count == 2 * part.count
        assert other.power_W == pytest.approx(2 * part.power_W, rel=ROUNDING)
        assert other.area_m2 == pytest.approx(2 * part.area_m2, rel=ROUNDING)
    assert row(large, "synapses").area_m2 == pytest.approx(
        row(small, "synapses").area_m2 * (4 * 69 + 28) / (69 + 14), rel=ROUNDING
    )


def test_a_longer_presentation_takes_more_energy_at_the_same_power() -> None:
    """Both phases twice as long; what is taken once a presentation stays."""
    long = changed(SPEC, run={"settle_duration": 4.0, "learn_duration": 12.0})
    one, two = cost_of(SPEC), cost_of(long)
    assert row(two, "somata").power_W == pytest.approx(row(one, "somata").power_W, rel=ROUNDING)
    assert row(two, "somata").energy_per_presentation_J == pytest.approx(
        2 * row(one, "somata").energy_per_presentation_J, rel=ROUNDING
    )
    for name in ("output holds", "ADC (8 bits)"):
        before, after = (row(cost, name).energy_per_presentation_J for cost in (one, two))
        assert after == pytest.approx(before, rel=ROUNDING)


def test_operations_and_updates() -> None:
    """Every forward weight multiplies in both phases, every feedback weight in one; biases multiply nothing."""
    cost = cost_of(SPEC)
    assert (cost.synaptic_operations, cost.weight_updates) == (2 * 69 + 42, 69 + 14)
    energy = cost.total.energy_per_presentation_J
    assert cost.energy_per_synaptic_operation_J == pytest.approx(energy / 180, rel=ROUNDING)
    assert cost.energy_per_weight_update_J == pytest.approx(energy / 83, rel=ROUNDING)


@pytest.mark.parametrize(("name", "learned"), [("DFC", 0), ("DFC-merged", 42), ("DTP", 45), ("DI", 0)])
def test_feedback_that_is_learned_awake_counts_as_updated(name: str, learned: int) -> None:
    """DFC learns it asleep; decoders are 5 × 6 and 3 × 5."""
    spec = changed(SPEC, method={"name": name}, network={"tau_apical_ratio": 0.1})
    assert cost_of(spec).weight_updates == 83 + learned


@pytest.mark.parametrize("name", DYNAMICAL)
def test_every_method_that_runs_on_a_chip_has_a_cost(name: str) -> None:
    spec = changed(SPEC, method={"name": name}, network={"tau_apical_ratio": 0.1})
    cost = cost_of(spec)
    for part in (*cost.rows, cost.total):
        assert part.power_W > 0
        assert part.area_m2 > 0 or part.part == "input lines"
    beside = not name.startswith("DFC")
    parts = {row.part for row in cost.rows}
    assert ("controllers" in parts) != beside
    assert ("apical dendrites" in parts) != beside
    assert any("beside the network" in words for words in cost.not_counted) == beside
    assert any("sleep" in words for words in cost.not_counted) == METHODS[name].sleeps


def test_a_circuit_beside_the_network_is_counted() -> None:
    """Dynamic Inversion: u_3, u_2 (3 + 5 units) at τ_u, x_2, x_1 (5 + 6) at τ_v; W_3, W_2, B_3, B_2 once more."""
    spec = changed(SPEC, method={"name": "DI-repeat"})
    cost = cost_of(spec)
    assert row(cost, "integrators at τ_u").count == 8
    assert row(cost, "integrators at τ_v").count == 11
    assert row(cost, "synapses beside").count == 45
    assert row(cost, "feedback synapses").count == 45
    assert cost.synaptic_operations == 2 * 69 + 2 * 45
    chip = chip_of(spec)
    tau = spec.network.tau_soma_ratio * chip.time_base
    one = soma_cost(chip, tau, inputs=1) + rate_cost(chip)
    assert row(cost, "integrators at τ_v").power_W == pytest.approx(11 * float(one.power), rel=ROUNDING)


def test_pairs_in_turn_have_their_synapses_on_in_turn() -> None:
    """Each of two windows is half of the learn phase."""
    at_once, in_turn = (cost_of(changed(SPEC, method={"name": name})) for name in ("DI-repeat", "DI"))
    for part in ("synapses beside", "feedback synapses"):
        assert row(in_turn, part).power_W == pytest.approx(row(at_once, part).power_W / 2, rel=ROUNDING)


def test_balances_hold_what_they_keep() -> None:
    cost = cost_of(changed(SPEC, method={"name": "DTP"}))
    assert row(cost, "balance holds").count == 3 + 5  # y_3 and y_2


def test_no_auto_zero_no_holds_for_it() -> None:
    cost = cost_of(attrs.evolve(SPEC, chip={"name": "ideal"}))
    assert "auto-zero holds" not in {row.part for row in cost.rows}


def test_slow_dendrites_have_capacitors() -> None:
    cost = cost_of(changed(SPEC, network={"tau_basal_ratio": 0.1}))
    assert row(cost, "basal dendrites").capacitor_area_m2 > 0
    assert row(cost, "apical dendrites").capacitor_area_m2 == 0


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if not method.dynamical])
def test_methods_without_dynamics_are_refused(name: str) -> None:
    with pytest.raises(SpecError, match="no dynamics"):
        cost_of(changed(SPEC, method={"name": name}))


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"activity": -0.1}, "activity"),
        ({"activity": float("nan")}, "activity"),
        ({"activity": True}, "activity"),
        ({"dac_bits": 4}, "dac_bits"),
        ({"adc_bits": 12}, "adc_bits"),
        ({"adc_bits": -1}, "adc_bits"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, float], key: str) -> None:
    with pytest.raises(SpecError) as caught:
        cost_of(SPEC, **arguments)
    assert caught.value.where == key


def test_a_chip_that_cannot_be_biased_is_refused() -> None:
    chip = {**CHIP, "current_unit": "1 pA", "basal": {"coupling": {"smallest_bias": "10 pA"}}}
    with pytest.raises(SpecError) as caught:
        cost_of(attrs.evolve(SPEC, chip=chip))
    assert "chip.basal.coupling" in caught.value.where


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(DataError, match="do not fit"):
        cost_of(SPEC, weights=Weights.initial(changed(SPEC, network={"layers": (4, 6, 3)})))


def test_what_was_assumed_is_said() -> None:
    words = " ".join(cost_of(SPEC, activity=0.2, adc_bits=6).assumed)
    for said in ("0.2", "DAC (8 bits)", "ADC (6 bits)", "those a run starts with"):
        assert said in words
    given = " ".join(cost_of(SPEC, weights=Weights.initial(SPEC), dac_bits=0, adc_bits=0).assumed)
    assert "as given" in given
    assert "bits" not in given
