"""Targets that settle while the synapses learn, on an emulated chip and in torch (section 7)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bengio_2020.chains import Problem, make_problem
from neurosim.backend import Stimulus
from neurosim.emulate import Passage, VirtualChip, Weights
from neurosim.reference.circuit import CircuitSimulation, simulate_circuit
from neurosim.reference.parameters import Parameters
from neurosim.reference.targetprop import dtp1_update
from neurosim.spec import Deviations, MethodSettings, Network, Protocol, Run, Spec, Task

SIZES = (10, 10, 10, 10, 10)
STEPSIZE, SPOILT = 0.1, 0.1
RATIO = 0.05
"""dt over τ_u."""
SETTLE_STEPS = 120
"""Of the forward phase: 30 τ_v."""
TIMES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Learn steps after which the run is broken off; the last also gives the traces."""
CHIPS = ("ideal", "subthreshold_180nm")
METHODS = ("DTP-online", "DTP-input")
"""Corrections at the output and at the input of the decoders."""

Arrays = dict[str, np.ndarray]


def measure_online(seed: int, chip: str) -> Arrays:
    """A presentation on a chip (Brian2 on numpy) and in torch, broken off at each of `TIMES`.

    times : (T,), in τ_u. chip_update, torch_update : (T, L − 1), ‖ΔW_l − exact‖/‖exact‖ against the DTP1 update
    for exact targets. forward_update : largest |ΔW_l| of hidden layers with τ_L = h_L, over that of ΔW_l.
    trace_times : (K,). chip_error, torch_error : (K, L − 1), ‖(τ_l − v_l) − exact‖/‖exact‖. Hidden layers only.
    chip_input_error, torch_input_error : the same for DTP-input, the correction at the input of the decoders.
    difference : the largest one between chip and torch, of updates and targets, over the largest exact entry.
    """
    problem = make_problem(seed, sizes=SIZES, spoilt=SPOILT, batch=4)
    spec = _spec_of(chip, METHODS[0])
    machine = VirtualChip(spec, columns=len(problem.inputs), backend="numpy")
    exact = problem.exact(STEPSIZE)
    ideal = [x.numpy() for x in dtp1_update(problem.state, exact, biases=True).forward[:-1]]
    chip_rows, torch_rows, gaps = [], [], []
    for learn_steps in TIMES:
        passage = _show(machine, problem, learn_steps)
        twin = _simulate(spec, machine.deviations, problem, learn_steps)
        by_chip, by_torch = _learnt(passage, problem), _updates(twin)
        chip_rows.append([_relative(x, y) for x, y in zip(by_chip, ideal, strict=True)])
        torch_rows.append([_relative(x, y) for x, y in zip(by_torch, ideal, strict=True)])
        gaps += _largest_gaps(by_chip, by_torch, ideal)
    still = _learnt(_show(machine, problem, TIMES[-1], nudge=0.0), problem)
    wanted = [(t - h).numpy() for t, h in zip(exact, problem.state.soma, strict=True)][:-1]
    on_chip, in_torch = _chip_moves(passage, machine), _torch_moves(twin)
    gaps += _largest_gaps(on_chip, in_torch, wanted)
    other = _spec_of(chip, METHODS[1])
    machine = VirtualChip(other, columns=len(problem.inputs), backend="numpy")
    by_input = _chip_moves(_show(machine, problem, TIMES[-1]), machine)
    input_twin = _torch_moves(_simulate(other, machine.deviations, problem, TIMES[-1]))
    gaps += _largest_gaps(by_input, input_twin, wanted)
    return {
        "times": RATIO * np.array(TIMES),
        "chip_update": np.array(chip_rows),
        "torch_update": np.array(torch_rows),
        "forward_update": max(np.abs(x).max() / np.abs(y).max() for x, y in zip(still, ideal, strict=True)),
        "trace_times": RATIO * np.arange(TIMES[-1]),
        "chip_error": _along(on_chip, wanted),
        "torch_error": _along(in_torch, wanted),
        "chip_input_error": _along(by_input, wanted),
        "torch_input_error": _along(input_twin, wanted),
        "difference": np.array(max(gaps)),
    }


def _spec_of(chip: str, method: str) -> Spec:
    """Learning rate 1: the change of the weights is the update itself."""
    return Spec(
        network=Network(layers=SIZES),
        method=MethodSettings(name=method, learning_rate=1.0, target_stepsize=STEPSIZE),
        chip={"name": chip},
        task=Task(name="student_teacher"),
        run=Run(dt_ratio=RATIO, backend="numpy", trace_steps=1),
    )


def _protocol(learn_steps: int) -> Protocol:
    return Protocol(dt_ratio=RATIO, settle_steps=SETTLE_STEPS, learn_steps=learn_steps)


def _show(machine: VirtualChip, problem: Problem, learn_steps: int, *, nudge: float | None = None) -> Passage:
    columns = len(problem.inputs)
    return machine.show(
        Stimulus(
            inputs=problem.inputs.numpy(),
            desired=problem.desired.numpy(),
            order=np.arange(columns, dtype=np.int32)[None],
        ),
        weights=_weights(problem),
        protocol=_protocol(learn_steps),
        nudge=nudge,
        noise=False,
        traced=(0, 1),
    )


def _simulate(spec: Spec, deviations: Deviations, problem: Problem, learn_steps: int) -> CircuitSimulation:
    """The same equations with the same device errors, stepped by torch."""
    chain = problem.chain
    return simulate_circuit(
        spec.network,
        Parameters(forward=chain.forward, biases=chain.biases, feedback=chain.decoders),
        spec.method,
        _protocol(learn_steps),
        problem.inputs,
        problem.desired,
        loss=spec.task.loss,
        deviations=deviations,
    )


def _weights(problem: Problem) -> Weights:
    chain = problem.chain
    return Weights(
        forward=tuple(w.numpy() for w in chain.forward),
        biases=tuple(b.numpy() for b in chain.biases),
        feedback=tuple(d.numpy() for d in chain.decoders),
    )


def _learnt(passage: Passage, problem: Problem) -> list[np.ndarray]:
    """ΔW_l of the hidden layers, (n_l, n_{l−1})."""
    pairs = zip(passage.weights.forward, problem.chain.forward, strict=True)
    return [after - before.numpy() for after, before in pairs][:-1]


def _updates(simulation: CircuitSimulation) -> list[np.ndarray]:
    assert simulation.updates is not None  # they were asked for
    return [x.numpy() for x in simulation.updates.forward[:-1]]


def _chip_moves(passage: Passage, machine: VirtualChip) -> list[np.ndarray]:
    """τ_l − v_l in the learn phase, activation units; (B, K, n_l) of each hidden layer."""
    unit = float(machine.provenance()["voltage_unit_volt"])
    return [
        (passage.traces[f"target_{l}"]["state"].values - passage.traces[f"layer_{l}"]["soma"].values)[
            :, SETTLE_STEPS:
        ]
        / unit
        for l in range(1, len(SIZES) - 1)
    ]


def _torch_moves(simulation: CircuitSimulation) -> list[np.ndarray]:
    return [
        (simulation.traces[f"target_{l}"]["state"] - simulation.traces[f"layer_{l}"]["soma"]).numpy()[
            :, SETTLE_STEPS:
        ]
        for l in range(1, len(SIZES) - 1)
    ]


def _along(moves: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> np.ndarray:
    """‖moves − wanted‖/‖wanted‖ of each layer at each time, (K, L − 1)."""
    rows = [
        np.linalg.norm(move - end[:, None], axis=(0, 2)) / np.linalg.norm(end)
        for move, end in zip(moves, wanted, strict=True)
    ]
    return np.stack(rows, axis=1)


def _largest_gaps(
    first: Sequence[np.ndarray], second: Sequence[np.ndarray], exact: Sequence[np.ndarray]
) -> list[float]:
    """Largest |first − second| of each layer over its largest exact value."""
    return [
        float(np.abs(x - y).max() / np.abs(z).max()) for x, y, z in zip(first, second, exact, strict=True)
    ]


def _relative(got: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))
