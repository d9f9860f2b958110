"""The weights a run starts with: drawn, or out of a file that the spec names; knows no run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from neurosim.emulate import Storage, Weights
from neurosim.emulate.weights import named_arrays
from neurosim.io import load_weights
from neurosim.result import Result
from neurosim.spec import Spec

CLIPPED = "weights_clipped"
"""What provenance calls the fraction of given weights beyond a chip's full scale."""


@attrs.frozen(kw_only=True, eq=False)
class Start:
    """What a network begins with."""

    weights: Weights
    """As they are meant: not yet written into a chip."""
    facts: Mapping[str, Any] = attrs.field(factory=dict)
    """Where they come from, for a result's provenance; nothing where they were drawn."""

    @staticmethod
    def of(spec: Spec) -> Start:
        """NeurosimError for a file that cannot be read, or whose weights do not fit."""
        if not spec.network.weights.file:
            return Start(weights=Weights.initial(spec))
        loaded = load_weights(spec)
        return Start(weights=Weights.initial(spec, given=loaded.arrays), facts=loaded.facts)

    @staticmethod
    def again(weights: Weights, earlier: Result) -> Start:
        """That of a run which goes on with weights of before; their file is not looked at."""
        facts = {name: value for name, value in earlier.provenance.items() if name.startswith("weights_")}
        return Start(weights=weights, facts=facts)

    def on(self, storage: Storage) -> Start:
        """The same with how much of given weights a chip's cells clip as they are written, unless that is known."""
        if not (self.facts and storage.arrays) or CLIPPED in self.facts:
            return self
        beyond = [
            np.abs(values) > storage.arrays[name].full_scale for name, values in named_arrays(self.weights)
        ]
        clipped = sum(int(found.sum()) for found in beyond) / sum(found.size for found in beyond)
        return attrs.evolve(self, facts={**self.facts, CLIPPED: clipped})
