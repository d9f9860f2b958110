"""A spec for weights that were found elsewhere, out of files that say what network they are of."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import numpy as np

from neurosim.errors import OutputError, SpecError
from neurosim.io.atomic import check_writable, write_atomically
from neurosim.io.hdf5 import open_result
from neurosim.io.hdf5.opened import damage_named, opened
from neurosim.io.nir.read import Layer, chain_of, open_graph
from neurosim.io.sonata.read import Circuit
from neurosim.io.weights.load import format_of, load_weights
from neurosim.io.weights.wanted import KEY
from neurosim.learning import feedback_shapes, method_of
from neurosim.spec import GivenWeights, Network, Spec, Task, read_spec_text, write_spec

Losses = tuple[str, ...]
_TASKS = {(15, 5): "student_teacher", (64, 10): "digits", (784, 10): "mnist"}
"""That have so many inputs and outputs."""


def import_spec(path: str | Path, out: str | Path) -> Losses:
    """Write a spec whose network starts with the weights in a file, which were read and found to fit.

    Parameters
    ----------
    path : a result; a NIR graph, feedforward or of neurosim; a SONATA circuit of neurosim.
    out : a new TOML file.

    Returns
    -------
    What the file has and the spec has not, in words.

    Raises
    ------
    OutputError, DataError : a file that does not say what network it is of, or an `out` that is there already.
    """
    path, out = Path(path), Path(out)
    if out.exists() or out.is_symlink():
        raise OutputError("is there already", where=str(out), expected="the name of a new file")
    check_writable(out)
    kind = format_of(path)
    if kind not in _SPECS:
        raise OutputError(
            "does not say what network it is of",
            where=str(path),
            expected="a file of one of " + ", ".join(_SPECS),
            got=kind,
            remedy=f"write a spec with network.layers, and where the weights are under {KEY}",
        )
    with damage_named(str(path)):
        spec, losses = _SPECS[kind](path)
    given = GivenWeights(file=_as_seen_from(out, path), format=kind)
    spec = attrs.evolve(spec, network=attrs.evolve(spec.network, weights=given), source=str(out))
    load_weights(spec)
    with write_atomically(out) as part:
        part.write_text(write_spec(spec), encoding="utf-8")
    return losses


def _as_seen_from(out: Path, path: Path) -> str:
    return Path(os.path.relpath(path.resolve(), out.resolve().parent)).as_posix()


def _of_result(path: Path) -> tuple[Spec, Losses]:
    with open_result(path) as result:
        ended = result.status.kind
        said = () if result.status.good else (f"a run that ended well: this one is {ended}",)
        spec, losses = _of_neurosim(result.spec, path)
        return spec, (*said, *losses)


def _of_neurosim(text: str, path: Path) -> tuple[Spec, Losses]:
    """Of the spec that a file of ours holds, with what its weights are and are not."""
    spec, losses = read_spec_text(text, source=str(path)), []
    if spec.chip.get("name") != "ideal":
        losses.append(
            "weights as they were stored: these have the errors of their devices in them, which come on top again "
            "on the chip of the spec"
        )
    if feedback_shapes(method_of(spec.method.name).feedback, spec.network.layers):
        losses.append(
            f"feedback weights: they start as method.initial_feedback says; to take them set {KEY}.feedback = true"
        )
    return spec, tuple(losses)


def _of_circuit(path: Path) -> tuple[Spec, Losses]:
    for file in Circuit.of(path).nodes:
        with opened(file, expected="a SONATA file") as root:
            text = root.group("neurosim").text("spec") if root.has("neurosim") else ""
        if text:
            return _of_neurosim(text, path)
    raise OutputError(
        "does not say what network it is of",
        where=str(path),
        expected="a circuit that neurosim wrote",
        remedy=f"write a spec with network.layers, and which populations have the weights under {KEY}.arrays",
    )


def _of_graph(path: Path) -> tuple[Spec, Losses]:
    with open_graph(path) as graph:
        if graph.spec:
            return _of_neurosim(graph.spec, path)
        chain = chain_of(graph)
        return _of_chain(chain, where=str(path))


def _of_chain(chain: list[Layer], *, where: str) -> tuple[Spec, Losses]:
    """τ_v is the median of all time constants there; on an ideal chip."""
    sizes = (int(chain[0].weights.shape[1]), *(layer.gain.size for layer in chain))
    *hidden, output = (layer.activation for layer in chain)
    alike = len(set(hidden)) == 1
    try:
        network = Network(layers=sizes, hidden=hidden[0] if alike else tuple(hidden), output=output)
    except SpecError as error:  # a size of 0, a nonlinearity that is not known here
        raise error.within(where) from None
    taus = [layer.tau for layer in chain if layer.tau is not None]
    chip: Mapping[str, object] = {"name": "ideal"}
    losses = []
    if taus:
        every = np.concatenate(taus)
        median = float(np.median(every))
        chip = {"name": "ideal", "time_base": f"{1e3 * median / network.tau_soma_ratio:.12g} ms"}
        if np.any(every != median):
            losses.append(
                f"time constants from {every.min():g} s to {every.max():g} s: all somata have {median:g} s"
            )
    without = [layer.name for layer in chain if layer.tau is None]
    if without:
        losses.append(f"layers without a time constant ({', '.join(without)}): their somata have one")
    if any(np.any(layer.gain != 1) for layer in chain):
        losses.append("factors and resistances of their own: they are in the weights")
    task = _TASKS.get((sizes[0], sizes[-1]))
    if task is None:
        losses.append(f"a task: none has {sizes[0]} inputs and {sizes[-1]} outputs")
    return Spec(network=network, chip=chip, task=Task(name=task or "digits"), source=where), tuple(losses)


_SPECS: dict[str, Callable[[Path], tuple[Spec, Losses]]] = {
    "result": _of_result,
    "nir": _of_graph,
    "sonata": _of_circuit,
}
