"""Where weights come from that were found elsewhere; reading them is not done here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from neurosim.errors import SpecError
from neurosim.spec.checks import one_of, text, truth

GIVEN_FORMATS = ("auto", "result", "sonata", "nir", "hdf5", "npz")
"""Kinds of files; auto: told by what is in the file."""


def _check_arrays(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    good = isinstance(value, Mapping) and all(isinstance(name, str) and name for name in value.values())
    if not good:
        raise SpecError(
            "bad value",
            where=field.name,
            expected='names by names, such as input_to_layer_1 = "fc1.weight"',
            got=repr(value),
        )


@attrs.frozen(kw_only=True)
class GivenWeights:
    """W_l and b_l that a network starts with instead of drawn ones, and where asked for its feedback weights.

    Arrays have the names of a result file: input_to_layer_1, layer_1_to_layer_2, …, controller_to_layer_1 for
    weights, (n_post, n_pre), and biases_1, … for biases, (n_l,), which are 0 where the file has none.
    """

    file: str = attrs.field(default="", validator=text)
    """A file or, of SONATA, a circuit's folder; as seen from the spec's folder. Empty: none, weights are drawn."""
    format: str = attrs.field(default="auto", validator=one_of(GIVEN_FORMATS))
    """result: a file that neurosim wrote; sonata; nir: a feedforward graph, or one that neurosim wrote; hdf5, npz:
    arrays by name."""
    arrays: Mapping[str, str] = attrs.field(factory=dict, validator=_check_arrays, hash=False)
    """What the file calls them, where it calls them otherwise: data sets, arrays, populations of edges."""
    transposed: bool = attrs.field(default=False, validator=truth)
    """Whether weights of hdf5 and npz files are (n_pre, n_post)."""
    feedback: bool = attrs.field(default=False, validator=truth)
    """Whether the method's feedback weights come from there, too; else they start as `method.initial_feedback` says,
    from the forward weights given here. What feedback means depends on the method. Feedback that is learned goes on
    from what is given, `method.sleep.pretraining_epochs` included."""

    def __attrs_post_init__(self) -> None:
        set_ = [
            field.name for field in attrs.fields(GivenWeights) if getattr(self, field.name) != _default(field)
        ]
        if set_ and not self.file:
            raise SpecError(
                "is of no effect without a file",
                where=set_[0],
                expected="network.weights.file, too",
                got=repr(getattr(self, set_[0])),
            )


def _default(field: attrs.Attribute[Any]) -> Any:
    return {} if field.name == "arrays" else field.default
