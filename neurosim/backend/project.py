"""A Model as the sources of one of Brian2's standalone devices: a program that is given its arrays in a file and leaves
them in another, see neurosim_arrays.h."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import NeuronGroup, get_device, prefs, second
from brian2.devices.device import reset_device, set_device

from neurosim.backend.brian import Target, build_network, precision_of
from neurosim.equations.model import Model

_ENDLESS_STEPS = 2**40
"""The program is built to run for ever; it stops itself after the presentations it is told."""


def write_project(
    model: Model,
    folder: Path,
    *,
    device: str,
    target: Target,
    preferences: Mapping[str, Any],
    gpu: bool = False,
    headers: Sequence[str] = (),
    start: str = "",
) -> dict[str, Any]:
    """Write the sources of a Model, and say what to know of its program: its Model's hash, and its arrays.

    Parameters
    ----------
    preferences : of Brian2, while it writes.
    gpu : arrays are copied to a GPU and back.
    headers : that the program includes beside those of the device.
    start : C++ that runs before all else.
    """
    with _standalone(device, folder, preferences), precision_of(model):
        groups = _run(model, target)
        active = get_device()
        active.headers += [f'"{header}"' for header in headers]
        active.insert_code("before_start", start)
        active.insert_code("after_start", _given(groups, gpu=gpu))
        active.insert_code("before_end", _left(groups, gpu=gpu))
        active.build(directory=str(folder), compile=False, run=False, direct_call=False)
        arrays = {name: [np.dtype(v.dtype).name, int(v.size)] for name, v in _owned(groups)}
    return {"model": model.hash, "arrays": arrays}


def _run(model: Model, target: Target) -> dict[str, NeuronGroup]:
    built = build_network(model, target)
    built.network.run(_ENDLESS_STEPS * model.dt * second, namespace={})
    return built.groups


def _given(groups: dict[str, NeuronGroup], *, gpu: bool) -> str:
    """C++ for the start of a program: reads the arrays that a run is given."""
    lines = ["{", "const neurosim::Given _given;"]
    for reference, array, on_gpu, size in _each_array(groups):
        lines.append(f'_given.read("{reference}", {array}, {size});')
        if gpu:
            lines.append(f"neurosim::upload({on_gpu}, {array}, {size});")
    return "\n".join([*lines, "}"])


def _left(groups: dict[str, NeuronGroup], *, gpu: bool) -> str:
    """C++ for the end of a program: writes the arrays that a run is asked for, in the manifest's order."""
    lines = ["{", "neurosim::Left _left;"]
    for reference, array, on_gpu, size in _each_array(groups):
        if gpu:
            lines.append(f'if (_left.wants("{reference}")) neurosim::download({array}, {on_gpu}, {size});')
        lines.append(f'_left.write("{reference}", {array}, {size});')
    return "\n".join([*lines, "}", "std::exit(0);"])


def _each_array(groups: dict[str, NeuronGroup]) -> Iterator[tuple[str, str, str, str]]:
    """(reference, name, name on a GPU, bytes) in C++ of every array a program owns."""
    for reference, variable in _owned(groups):
        name = get_device().get_array_name(variable)
        array = f"brian::{name}"
        yield reference, array, f"brian::dev{name}", f"sizeof(*{array})*{int(variable.size)}LL"


def _owned(groups: dict[str, NeuronGroup]) -> Iterator[tuple[str, Any]]:
    device = get_device()
    for group in groups.values():
        for name, variable in group.variables.items():
            owner = getattr(variable, "owner", None)
            if owner is not None and owner.name == group.name and variable in device.arrays:
                yield f"{group.name}.{name}", variable


@contextmanager
def _standalone(device: str, folder: Path, preferences: Mapping[str, Any]) -> Iterator[None]:
    """The device and the preferences it needs, taken back afterwards."""
    before = {name: prefs[name] for name in preferences}
    set_device(device, build_on_run=False, directory=str(folder))
    try:
        for name, value in preferences.items():
            prefs[name] = value
        get_device().reinit()
        get_device().activate(build_on_run=False, directory=str(folder))
        yield
    finally:
        get_device().reinit()
        reset_device()
        for name, value in before.items():
            prefs[name] = value
