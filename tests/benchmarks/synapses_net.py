"""The learn phase in Brian2's own words: `Synapses` with summed variables, compiled by cpp_standalone.

Every column has synapses of its own, as `Synapses` cannot share a weight: batch × (Σ n_l n_{l−1} + Σ n_l n_L)
of them. Neuron index = column · n_units + unit, which keeps each column's sums in the nearest cache. Products
of constant inputs are not left out, as Brian2 does not know of them. Compiler flags are the emulation's.

Run as a module it builds the program, in a process of its own, because Brian2's device is global.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from .cases import Case
from .numpy_loop import NumpyLoop

Array = NDArray[np.float64]

WARM_UP_STEPS = 3
"""Steps before those that are timed: they touch all memory once."""


@attrs.frozen(kw_only=True, eq=False)
class SynapsesNet:
    """A compiled program that takes so many steps of the learn phase, from the state after settling."""

    folder: Path
    steps: int
    """Those that are timed; WARM_UP_STEPS come before."""
    files: dict[str, str]

    @staticmethod
    def build(case: Case, folder: Path, *, steps: int, settle: int, plastic: bool) -> SynapsesNet:
        """Settle with numpy, write the problem into the (existing) folder, and compile it there."""
        problem, _, _ = problem_of(case, settle=settle)
        np.savez(folder / "problem.npz", **problem)
        command = [sys.executable, "-m", __spec__.name, str(folder), str(steps), str(int(plastic))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"Brian2 did not build {case.name}: {done.stderr[-2000:]}")
        files = json.loads((folder / "files.json").read_text())
        return SynapsesNet(folder=folder, steps=steps, files=files)

    def seconds_per_step(self) -> float:
        """Run the program; the time is its own clock around the timed steps, without start and end."""
        subprocess.run(["./main"], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        seconds, fraction = map(float, (self.folder / "results" / "last_run_info.txt").read_text().split())
        if fraction != 1.0:
            raise RuntimeError(f"{self.folder}: the program stopped early")
        return seconds / self.steps

    def final(self, name: str) -> Array:
        """A variable after the last run, flat."""
        return np.fromfile(self.folder / "results" / self.files[name])


def problem_of(case: Case, *, settle: int) -> tuple[dict[str, Any], NumpyLoop, Array]:
    """What the program starts with, the loop that is in the same state, and its inputs (n_0, batch)."""
    spec, weights, stimulus = case.spec, case.weights, case.stimulus(1)
    loop = NumpyLoop(spec, weights, columns=case.batch, variant="plain")
    inputs = np.ascontiguousarray(stimulus.shown(0).T)
    loop.settle(inputs, settle)
    loop.engage(stimulus.desired[stimulus.order[0]].T)
    problem: dict[str, Any] = {
        "columns": case.batch,
        "dt": spec.run.dt_ratio,
        "tau_soma": spec.network.tau_soma_ratio,
        "proportional_gain": spec.method.proportional_gain,
        "leak": spec.method.leak,
        "input": inputs,
        "target": loop.target,
    }
    for l, (forward, feedback, bias) in enumerate(
        zip(weights.forward, weights.feedback, weights.biases, strict=True), start=1
    ):
        problem |= {f"W{l}": forward, f"Q{l}": feedback, f"b{l}": bias, f"soma{l}": loop.soma[l - 1].copy()}
    return problem, loop, inputs


def disagreement(net: SynapsesNet, case: Case, *, settle: int, plastic: bool) -> float:
    """Largest difference between the program's last run and numpy, relative to the largest number."""
    _, loop, inputs = problem_of(case, settle=settle)
    for _ in range(WARM_UP_STEPS + net.steps):
        loop.learn_step(inputs)
    pairs = [
        (net.final(f"soma{l}").reshape(case.batch, -1).T, soma) for l, soma in enumerate(loop.soma, start=1)
    ]
    if plastic:
        for l, expected in enumerate(loop.accumulated, start=1):
            n_post, n_pre = expected.shape
            accumulated = net.final(f"accumulated{l}").reshape(case.batch, n_pre, n_post)
            pairs.append((accumulated.sum(axis=0).T, expected))
    return max(float(np.abs(got - expected).max() / np.abs(expected).max()) for got, expected in pairs)


def _write_program(folder: Path, *, steps: int, plastic: bool) -> None:
    """Generate and compile; `problem.npz` is in the folder, `files.json` says where results will be."""
    import brian2 as b

    from neurosim.backend.compiler import DEFINES, FLAGS

    b.set_device("cpp_standalone", build_on_run=False, directory=str(folder))
    b.prefs["codegen.cpp.extra_compile_args_gcc"] = list(FLAGS)
    b.prefs["codegen.cpp.define_macros"] = list(DEFINES)
    with np.load(folder / "problem.npz") as file:
        problem = dict(file)
    dt = float(problem["dt"]) * b.second
    b.defaultclock.dt = dt
    objects, kept = _objects(b, problem, plastic=plastic)
    network = b.Network(*objects)
    network.run(WARM_UP_STEPS * dt, namespace={})
    network.run(steps * dt, namespace={})
    b.device.build(directory=str(folder), compile=True, run=False)
    files = {
        name: b.device.get_array_filename(group.variables[variable])
        for name, (group, variable) in kept.items()
    }
    (folder / "files.json").write_text(json.dumps(files))


def _objects(b: Any, problem: dict[str, Array], *, plastic: bool) -> tuple[list[Any], dict[str, Any]]:
    columns = int(problem["columns"])
    depth = sum(name.startswith("W") for name in problem)
    sources = [b.NeuronGroup(problem["input"].size, "rate : 1", name="inputs")]
    sources[0].rate = problem["input"].T.ravel()
    for l in range(1, depth + 1):
        sources.append(_layer(b, problem, l, columns=columns, activation="tanh" if l < depth else ""))
    control = _controller(b, problem, sources[-1])
    objects, kept = [*sources, control], {}
    for l in range(1, depth + 1):
        forward = _synapses(
            b,
            sources[l - 1],
            sources[l],
            problem[f"W{l}"],
            columns,
            "basal_drive_post = w*rate_pre",
            f"forward{l}",
        )
        if plastic:
            forward.run_regularly("accumulated += difference_post*rate_pre", when="groups", order=3)
        back = _synapses(
            b, control, sources[l], problem[f"Q{l}"], columns, "apical_post = w*output_pre", f"feedback{l}"
        )
        objects += [forward, back]
        kept[f"soma{l}"] = (sources[l], "soma")
        kept[f"accumulated{l}"] = (forward, "accumulated")
    return objects, kept


def _layer(b: Any, problem: dict[str, Array], l: int, *, columns: int, activation: str) -> Any:
    equations = """dsoma/dt = (basal + apical - soma)/tau_soma : 1
    basal = basal_drive + bias : 1
    basal_drive : 1
    apical : 1
    rate : 1
    difference : 1
    bias_accumulated : 1
    bias : 1 (constant)"""
    bias = problem[f"b{l}"]
    group = b.NeuronGroup(
        bias.size * columns,
        equations,
        method="euler",
        name=f"layer{l}",
        namespace={"tau_soma": float(problem["tau_soma"]) * b.second},
    )
    group.bias = np.tile(bias, columns)
    group.soma = problem[f"soma{l}"].T.ravel()
    group.run_regularly(f"rate = {activation}(soma)", when="start", order=-5)
    group.run_regularly(
        f"difference = rate - {activation}(basal)\nbias_accumulated += difference", when="groups", order=2
    )
    return group


def _controller(b: Any, problem: dict[str, Array], outputs: Any) -> Any:
    equations = """dintegrator/dt = (error - leak*integrator)/tau_integrator : 1
    error : 1
    output : 1
    target : 1 (constant)
    output_rate : 1 (linked)"""
    group = b.NeuronGroup(
        problem["target"].size,
        equations,
        method="euler",
        name="controller",
        namespace={
            "leak": float(problem["leak"]),
            "tau_integrator": 1 * b.second,
            "proportional_gain": float(problem["proportional_gain"]),
        },
    )
    group.target = problem["target"].T.ravel()
    group.output_rate = b.linked_var(outputs, "rate")
    group.run_regularly(
        "error = target - output_rate\noutput = integrator + proportional_gain*error", when="start", order=6
    )
    return group


def _synapses(b: Any, source: Any, target: Any, weights: Array, columns: int, summed: str, name: str) -> Any:
    """All units of a column to all units of the same column, the presynaptic unit first."""
    n_post, n_pre = weights.shape
    synapses = b.Synapses(
        source, target, f"{summed} : 1 (summed)\nw : 1 (constant)\naccumulated : 1", name=name
    )
    synapses.connect(j=f"(i // {n_pre})*{n_post} + k for k in range({n_post})")
    synapses.w = np.tile(weights.T.ravel(), columns)
    return synapses


if __name__ == "__main__":
    _write_program(Path(sys.argv[1]), steps=int(sys.argv[2]), plastic=sys.argv[3] == "1")
