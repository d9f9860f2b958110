"""The table of formats that weights come from, how they are told apart, and what all of them have to pass."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DataError, SpecError
from neurosim.io.hdf5.layout import FORMAT
from neurosim.io.hdf5.opened import check_openable, damage_named, opened
from neurosim.io.weights.graph import read_nir_weights
from neurosim.io.weights.plain import read_hdf5_weights, read_npz_weights
from neurosim.io.weights.populations import read_sonata_weights
from neurosim.io.weights.results import read_result_weights
from neurosim.io.weights.wanted import KEY, Numbers, Reader, Wanted, numbers
from neurosim.spec import Spec

READERS: dict[str, Reader] = {
    "result": read_result_weights,
    "sonata": read_sonata_weights,
    "nir": read_nir_weights,
    "hdf5": read_hdf5_weights,
    "npz": read_npz_weights,
}
"""By the names that `GivenWeights.format` has."""
PLAIN = ("hdf5", "npz")
"""Those whose matrices may lie either way."""
EXPECTED = "a result, NIR, HDF5 or npz file, or a SONATA circuit"


@attrs.frozen(kw_only=True, eq=False)
class Loaded:
    """What a network starts with."""

    arrays: Mapping[str, NDArray[np.float64]]
    """All that the network takes, by the names of a result file; biases that the file lacks are 0."""
    file: str
    format: str
    sha256: str
    """Of names and numbers, whatever file they are in."""
    without: tuple[str, ...] = ()
    """Biases that the file lacks."""

    @property
    def facts(self) -> dict[str, str]:
        """For a result's provenance."""
        return {
            "weights_file": self.file,
            "weights_format": self.format,
            "weights_sha256": self.sha256,
            **({"weights_without": ", ".join(self.without)} if self.without else {}),
        }


def load_weights(spec: Spec) -> Loaded:
    """The arrays that `spec.network.weights` names.

    Raises
    ------
    SpecError : names of arrays that the network does not have.
    DataError, OutputError : a file that is missing, damaged, of another format, or whose arrays do not fit.
    """
    wanted = Wanted.of(spec)
    path = Path(spec.source).parent / wanted.given.file if spec.source else Path(wanted.given.file)
    name = wanted.given.format if wanted.given.format != "auto" else format_of(path)
    if wanted.given.transposed and name not in PLAIN:
        raise SpecError(
            "has no meaning for this format",
            where=f"{spec.source or 'spec'}: {KEY}.transposed",
            expected="false, unless the file is of " + " or ".join(PLAIN),
            got=f"true with {name}",
        )
    with damage_named(str(path)), READERS[name](path, wanted) as found:
        _check(found, wanted, path)
        arrays = {array: numbers(found[array]) for array in wanted.shapes if array in found}
    for array, values in arrays.items():
        if not np.isfinite(values).all():
            bad = np.count_nonzero(~np.isfinite(values))
            raise DataError(
                "weights are not finite",
                where=f"{path}: {wanted.called(array)}",
                expected="numbers",
                got=f"{bad} of {values.size} are not",
                remedy="take other weights",
            )
    zeros = {array: np.zeros(shape) for array, shape in wanted.shapes.items() if array not in arrays}
    complete = {array: {**arrays, **zeros}[array] for array in wanted.shapes}
    return Loaded(
        arrays=complete,
        file=str(path.resolve()),
        format=name,
        sha256=_digest(complete),
        without=tuple(zeros),
    )


def format_of(path: Path) -> str:
    """Told by what is in the file.

    Raises
    ------
    OutputError : missing, or none of the formats.
    """
    if path.is_dir() or path.suffix == ".json":
        return "sonata"
    check_openable(path, expected=EXPECTED)
    with path.open("rb") as file:
        if file.read(2) == b"PK":
            return "npz"
    with damage_named(str(path)), opened(path, expected=EXPECTED, remedy=f"set {KEY}.format") as root:
        if "format" in root.item.attrs and root.item.attrs["format"] == FORMAT:
            return "result"
        return "nir" if {"version", "node"} <= set(root.item) else "hdf5"


def _check(found: Mapping[str, Numbers], wanted: Wanted, path: Path) -> None:
    missing = [name for name in wanted.matrices if name not in found]
    if missing:
        forward = any(wanted.biases_of(name) for name in missing)
        names = [
            f"{wanted.called(name)} for {name}" if wanted.called(name) != name else name for name in missing
        ]
        raise DataError(
            "lacks weights that the network takes",
            where=str(path),
            expected=", ".join(names),
            remedy=f"say under {KEY}.arrays what the file calls them"
            if forward
            else f"set {KEY}.feedback = false, or take the file of a network with the same feedback",
        )
    for name, shape in wanted.shapes.items():
        if name in found and (got := tuple(found[name].shape)) != shape:
            raise DataError(
                "does not fit the network",
                where=f"{path}: {wanted.called(name)}",
                expected=f"{shape} for {name}",
                got=str(got),
                remedy=_turned(got, shape, wanted),
            )


def _turned(got: tuple[int, ...], shape: tuple[int, ...], wanted: Wanted) -> str:
    if wanted.given.transposed and len(shape) == 2 and got == shape[::-1]:
        return "this one is (n_post, n_pre) in the file: store all weights the same way round"
    if len(shape) == 2 and got == shape[::-1] and wanted.given.format in ("auto", *PLAIN):
        return f"set {KEY}.transposed = true"
    return "change network.layers, or take other weights"


def _digest(arrays: Mapping[str, NDArray[np.float64]]) -> str:
    found = hashlib.sha256()
    for name, values in arrays.items():
        found.update(name.encode())
        found.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
    return found.hexdigest()
