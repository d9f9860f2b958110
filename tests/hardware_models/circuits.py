"""Single parts on the emulation's numpy engine: stepped as an emulated chip is, and recorded; judges nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from brian2 import Quantity, mvolt, pfarad, second, volt
from numpy.typing import ArrayLike, NDArray

from hardware_models import Fragment, Parameter
from hardware_models.compartment import Soma
from hardware_models.controller import AnalogPI
from neurosim.backend import Stimulus, build_emulator
from neurosim.equations.model import SCHEDULE, SCHEDULE_VARIABLES, GatedCode, Group, Model, Program, Updater
from neurosim.equations.operations import Finish, Record
from neurosim.equations.parameters import declarations, model_parameter

Array = NDArray[np.float64]
TAU = 1e-3
"""s."""
UNIT = 30e-3
"""V."""
CONTROL = {
    "V_unit": UNIT * volt,
    "C_integrator": 5 * pfarad,
    "g_integrator": 5 * pfarad / (TAU * second),
    "proportional_gain": 0.5,
    "integral_gain": 1.0,
    "leak_ratio": 0.3,
    "output_rate": 0.0,
}
DRAWN = {"integral": 0.9, "leak": 1.2, "gain_leak": 0.14, "proportional": 1.1, "error_offset": 0.03}
SOMA = {"basal_gain": 1.1, "apical_gain": 0.9, "offset": 2 * mvolt, "apical": 5 * mvolt}
SCHEDULE_GROUP = Group(
    name=SCHEDULE,
    n_units=1,
    n_columns=1,
    equations="\n".join(f"{name} : integer (shared)" for name in SCHEDULE_VARIABLES),
)


def part(fragment: Fragment, given: Mapping[str, Quantity | float | Array], *, sources: str = "") -> Group:
    """A part's fragment with the parameters that are its caller's; `sources` are equations of what drives it.

    It has as many units as the longest parameter has values; an "engaged" of 1 is always there.
    """
    values = {name: p.value for name, p in fragment.parameters.items()} | {"engaged": 1.0, **given}
    parameters = {n: model_parameter(Parameter(value=v, meaning="")) for n, v in values.items()}
    units = max(np.size(p.value) for p in parameters.values())
    return Group(
        name="part",
        n_units=units,
        n_columns=1,
        equations="\n".join([fragment.equations, sources, *declarations(parameters)]),
        parameters=parameters,
        updater=Updater(slot="groups", order=1, before=fragment.before, after=fragment.after),
    )


def run(
    groups: Sequence[Group],
    traced: str,
    *,
    dt: float,
    steps: int,
    code: Sequence[GatedCode] = (),
    values: Mapping[str, ArrayLike] | None = None,
    every: int = 1,
) -> Array:
    """Trace of "group.variable", (n_records, n_units·n_columns) in SI units: row j is after step j·every,
    and so, for a state, at the time (j·every + 1)·dt.

    `values`: states and parameters set before the run, "group.variable" → SI numbers.
    """
    name, _ = traced.split(".")
    group = next(g for g in groups if g.name == name)
    size = group.n_units * group.n_columns
    record = Record(name="trace", sources=(traced,), sizes=(size,), gate="trace")
    model = Model(
        groups=(SCHEDULE_GROUP, *groups),
        code=tuple(code),
        programs=(Program(name="end", operations=(record, Finish()), slot="end", order=5),),
        dt=dt,
        layers=(1, group.n_units),
        n_columns=group.n_columns,
        traced={},
        endings=(),
    )
    schedule = {"period": steps, "settle_steps": steps, "plastic_from": steps, "presentations": 1}
    schedule |= {"trace_first": 0, "trace_last": 1, "trace_stride": every}
    nothing = Stimulus(
        inputs=np.zeros((1, 1)), desired=np.zeros((1, 1)), order=np.zeros((1, group.n_columns), np.int32)
    )
    recording = build_emulator(model, "numpy").run(
        nothing,
        values={**{f"{SCHEDULE}.{k}": v for k, v in schedule.items()}, **(values or {})},
        outputs=(),
    )
    return recording.files["trace"]


def soma(given: Mapping[str, Any], *, sources: str = "", drawn: bool = True, **switches: bool) -> Group:
    """A noiseless soma of τ and `SOMA` but for what is given; "leak" and "basal", or an equation for it, are."""
    fragment = Soma(capacitance=2 * pfarad).fragment(TAU * second, drawn=drawn, **switches)
    return part(fragment, {**SOMA, **given}, sources=sources)


def controller(given: Mapping[str, Any], *, sources: str = "", drawn: bool = True, **switches: bool) -> Group:
    """A controller of τ, `CONTROL` and `DRAWN` but for what is given; "target", or an equation for it, is."""
    fragment = AnalogPI().fragment(**{"railed": False, **switches}, drawn=drawn)
    values = {**CONTROL, **(DRAWN if drawn else {}), **given}
    if "output_rate" in sources:
        del values["output_rate"]
    return part(fragment, values, sources=sources)


def times(trace: Array, dt: float) -> Array:
    """Of a state that is recorded at the end of every step, (n, 1)."""
    return dt * np.arange(1, len(trace) + 1)[:, None]


def fitted(trace: Array, omega: Array, dt: float, every: int) -> Array:
    """Complex amplitudes of what follows sin(ωt), by least squares over the last fifth; (n_frequencies,)."""
    n = len(trace)
    t = dt * (every * np.arange(n) + 1)[4 * n // 5 :]
    tail = trace[4 * n // 5 :]
    found = []
    for k, w in enumerate(omega):
        basis = np.stack([np.sin(w * t), np.cos(w * t)], axis=1)
        found.append(np.linalg.lstsq(basis, tail[:, k], rcond=None)[0] @ np.array([1, 1j]))
    return np.array(found)
