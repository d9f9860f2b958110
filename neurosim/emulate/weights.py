"""The weights stored on a chip, and the connectivity a result makes of them; knows no engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DataError, SpecError
from neurosim.learning import Feedback, feedback_ends, feedback_shapes, method_of
from neurosim.learning.initial import initial_weights
from neurosim.learning.initial_feedback import initial_feedback
from neurosim.result import Projection
from neurosim.spec import Deviations, Network, Spec

Array = NDArray[np.float64]
KINDS = {"forward": "synapses", "biases": "biases", "feedback": "feedback"}
"""Names of groups by the fields of Weights."""


@attrs.frozen(kw_only=True, eq=False)
class Weights:
    """What is stored on a chip; a chip's device errors come on top."""

    forward: tuple[Array, ...]
    """W_l, (n_l, n_{l−1}), l = 1..L."""
    biases: tuple[Array, ...]
    """b_l, (n_l,)."""
    feedback: tuple[Array, ...]
    """In the order and of the shapes of `feedback_shapes`; Q_l, (n_l, n_L), where it is direct."""
    cells: Mapping[str, Array] = attrs.field(factory=dict)
    """What cells of a memory have beside what they store, such as "synapses_1.age", s; empty: just written."""

    def check(self, network: Network, feedback: Feedback) -> None:
        """Whether they are the weights of this network; DataError names the one that is not."""
        sizes = network.layers
        wanted = {
            "forward": [(m, n) for n, m in pairwise(sizes)],
            "biases": [(n,) for n in sizes[1:]],
            "feedback": list(feedback_shapes(feedback, sizes)),
        }
        for name, shapes in wanted.items():
            got = [np.shape(array) for array in getattr(self, name)]
            if got != shapes:
                raise DataError(f"{name} weights do not fit the network", expected=str(shapes), got=str(got))

    @staticmethod
    def initial(spec: Spec, *, given: Mapping[str, Array] | None = None) -> Weights:
        """The weights a run of this spec starts with: seeded W, zero b, the method's feedback.

        Parameters
        ----------
        given : where `spec.network.weights` names a file, what is in it, by the names of a result; "biases_1", …

        Raises
        ------
        SpecError : the spec names a file, and nothing is given.
        """
        network, method = spec.network, method_of(spec.method.name)
        if given is None and network.weights.file:
            raise SpecError(
                "weights come from a file, which is not read here",
                where=f"{spec.source or 'spec'}: network.weights.file",
                expected="weights as an argument",
                remedy="give neurosim.experiment.Start.of(spec).weights",
            )
        given = given or {}
        forward_names, feedback_names = projection_names(network, method.feedback)
        drawn, zeros = initial_weights(network, spec.run.seed)
        forward = tuple(given.get(name, w) for name, w in zip(forward_names, drawn, strict=True))
        biases = tuple(given.get(f"biases_{l}", b) for l, b in enumerate(zeros, start=1))
        feedback = initial_feedback(method, spec.method, network, forward=forward, seed=spec.run.seed)
        feedback = tuple(given.get(name, q) for name, q in zip(feedback_names, feedback, strict=True))
        return Weights(forward=forward, biases=biases, feedback=feedback)


def named_arrays(weights: Weights) -> Iterator[tuple[str, Array]]:
    """All arrays with the names of their groups, such as "synapses_1": forward weights, biases, feedback."""
    for field, kind in KINDS.items():
        for place, matrix in enumerate(getattr(weights, field), start=1):
            yield f"{kind}_{place}", np.asarray(matrix, float)


def each_array(weights: Weights, act: Callable[[str, Array], Array]) -> Weights:
    """Every array as `act` makes it of its group's name and of itself."""
    made = {name: act(name, matrix) for name, matrix in named_arrays(weights)}

    def all_of(field: str) -> tuple[Array, ...]:
        count = len(getattr(weights, field))
        return tuple(made[f"{KINDS[field]}_{place}"] for place in range(1, count + 1))

    return attrs.evolve(
        weights, forward=all_of("forward"), biases=all_of("biases"), feedback=all_of("feedback")
    )


def projection_names(network: Network, feedback: Feedback) -> tuple[list[str], list[str]]:
    """Of forward and of feedback weights, as a result calls them, in the order that `Weights` has."""
    sources = ["input", *(f"layer_{l}" for l in range(1, network.depth))]
    forward = [f"{source}_to_layer_{l}" for l, source in enumerate(sources, start=1)]
    ends = feedback_ends(feedback, network.layers)
    return forward, [f"{source}_to_{target}" for source, target in ends]


def stored_weights(
    spec: Spec,
    connectivity: Mapping[str, Projection],
    *,
    biases: Mapping[str, Array],
    cells: Mapping[str, Array],
) -> Weights:
    """What a chip stores by the connectivity of a result.

    Parameters
    ----------
    biases : as stored, "biases_1", …; a result has what is conducted of them.

    Raises
    ------
    DataError : what is missing, or does not fit the network.
    """
    feedback = method_of(spec.method.name).feedback
    forward_names, feedback_names = projection_names(spec.network, feedback)

    def stored(name: str) -> Array:
        found = connectivity[name].device.get("stored") if name in connectivity else None
        if found is None:
            raise DataError("has no stored weights", where=f"/connectivity/{name}/device/stored")
        return found

    names = [f"biases_{l}" for l in range(1, spec.network.depth + 1)]
    if set(biases) != set(names):
        raise DataError("biases do not fit the network", expected=", ".join(names), got=", ".join(biases))
    weights = Weights(
        forward=tuple(stored(name) for name in forward_names),
        biases=tuple(biases[name] for name in names),
        feedback=tuple(stored(name) for name in feedback_names),
        cells=cells,
    )
    weights.check(spec.network, feedback)
    return weights


def projections(
    spec: Spec,
    weights: Weights,
    *,
    deviations: Deviations,
    held: Weights | None = None,
    cells: Mapping[str, Mapping[str, Array]] | None = None,
) -> dict[str, Projection]:
    """The connectivity as a result holds it: weights with device errors, and what made them.

    Parameters
    ----------
    held : what cells conduct of what they store; None: all of it.
    cells : what was drawn for them, by group and name.
    """
    conducted, drawn = held or weights, cells or {}
    feedback = method_of(spec.method.name).feedback
    forward_names, feedback_names = projection_names(spec.network, feedback)
    found: dict[str, Projection] = {}
    for l, name in enumerate(forward_names, start=1):
        gain, stored = deviations.forward_gain[l - 1], weights.forward[l - 1]
        found[name] = Projection(
            weights=gain * conducted.forward[l - 1],
            source="input" if l == 1 else f"layer_{l - 1}",
            target=f"layer_{l}",
            kind="feedforward",
            biases=conducted.biases[l - 1],
            device={"gain": gain, "stored": stored, **drawn.get(f"synapses_{l}", {})},
        )
    ends = zip(feedback_names, feedback_ends(feedback, spec.network.layers), strict=True)
    arrays = zip(ends, deviations.feedback_gain, weights.feedback, conducted.feedback, strict=True)
    for place, ((name, (source, target)), gain, stored, flowing) in enumerate(arrays, start=1):
        found[name] = Projection(
            weights=gain * flowing,
            source=source,
            target=target,
            kind="feedback",
            device={"gain": gain, "stored": stored, **drawn.get(f"feedback_{place}", {})},
        )
    return found
