"""The products of neurosim_chips.h and neurosim_products.h against numpy, however sizes fall into registers."""

from __future__ import annotations

import ctypes
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import neurosim.backend
from neurosim.backend.compiler import SINGLE, blas_paths
from tests.compiled import shared_library

_SOURCE = """
#include "neurosim_products.h"
using neurosim::Real;
extern "C" void products(Real* target, const Real* weights, const Real* source, const Real* bias, int n_post, int n_pre,
                         int chips, int columns)
{
    neurosim::products(target, weights, source, bias, n_post, n_pre, chips, columns);
}
extern "C" void product(Real* target, const Real* weights, const Real* source, const Real* bias, int n_post, int n_pre,
                        int columns)
{
    neurosim::product(target, weights, source, bias, n_post, n_pre, columns);
}
extern "C" void outers(Real* target, const Real* post, const Real* pre, int n_post, int n_pre, int chips, int columns,
                       int accumulate)
{
    neurosim::outers(target, post, pre, n_post, n_pre, chips, columns, accumulate);
}
"""
SIZES = {
    "rows": (*range(1, 8), 12, 13),  # tiles of up to six, and of up to four
    "pre": (1, 2, 3, 4, 10),
    "columns": (1, 2, 3, 4, 7, 8, 11, 16, 17, 33, 64),  # a register is 2 to 16 numbers wide
    "chips": (1, 2, 9, 35),
}
"""Weights and columns that are apart from a multiple of all that is taken at once, and that are one."""
BEYOND = 7
"""Numbers after each result, which have to stay as they are."""


@pytest.mark.cpp
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_products_and_outer_products_of_all_sizes(tmp_path: Path, precision: str) -> None:
    """To the rounding of sums of at most 64 products of numbers about 1: 64 halves of an ulp of the largest."""
    real, draws = np.dtype(precision), np.random.default_rng(3)
    library = _library(tmp_path, precision)
    near = 64 * np.finfo(real).eps

    def drawn(*shape: int) -> NDArray[np.floating]:
        return draws.standard_normal(shape).astype(real)

    for rows, pre, columns, chips in product(*SIZES.values()):
        case = f"{rows} x {pre}, {columns} columns, {chips} chips"
        weights, source, bias = drawn(rows, pre, chips), drawn(pre, chips, columns), drawn(rows, chips)
        post, before = drawn(rows, chips, columns), drawn(rows, pre, chips)
        summed = np.einsum("ijc,jck->ick", weights, source)
        outer = np.einsum("ick,jck->ijc", post, source)
        sizes = (rows, pre, chips, columns)
        for given, expected in ((bias, summed + bias[:, :, None]), (None, summed)):
            got = _called(
                library.products, np.full(summed.shape, np.nan, real), weights, source, given, *sizes
            )
            _same(got, expected, near, case)
        for accumulate, expected in ((1, before + outer), (0, outer)):
            got = _called(library.outers, before.copy(), post, source, *sizes, accumulate)
            _same(got, expected, near, case)


@pytest.mark.cpp
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_the_product_of_one_chip_by_blas_and_without(tmp_path: Path, precision: str) -> None:
    """To the rounding of sums of at most 300 products."""
    real, draws = np.dtype(precision), np.random.default_rng(4)
    library = _library(tmp_path, precision)
    near = 300 * np.finfo(real).eps
    # one column, too few for a register, small, more than is done at a time, and on both sides of every limit
    for n_post, n_pre, columns in (
        (5, 7, 1),
        (5, 7, 3),
        (5, 7, 13),
        (70, 300, 16),
        (70, 300, 64),
        (70, 300, 65),
    ):
        weights, source, bias = (
            draws.standard_normal(shape).astype(real)
            for shape in ((n_post, n_pre), (n_pre, columns), (n_post,))
        )
        for given, expected in ((bias, weights @ source + bias[:, None]), (None, weights @ source)):
            got = _called(
                library.product,
                np.full(expected.shape, np.nan, real),
                weights,
                source,
                given,
                n_post,
                n_pre,
                columns,
            )
            _same(got, expected, near, f"{n_post} x {n_pre}, {columns} columns")


def _same(got: NDArray[np.floating], expected: NDArray[np.floating], near: float, case: str) -> None:
    # columns add up to a few times their root, for which the largest of a case stands
    np.testing.assert_allclose(
        got, expected, rtol=0, atol=near * max(1, np.abs(expected).max()), err_msg=case
    )


def _called(function: Any, target: NDArray[np.floating], *given: object) -> NDArray[np.floating]:
    """What a function leaves in the target; it may write nothing behind it."""
    whole = np.concatenate([target.ravel(), np.full(BEYOND, 5, target.dtype)])
    pointers = [
        ctypes.c_void_p(x.ctypes.data)
        if isinstance(x, np.ndarray)
        else ctypes.c_void_p(None)
        if x is None
        else x
        for x in (whole, *given)
    ]
    function(*pointers)
    assert (whole[-BEYOND:] == 5).all()
    return whole[:-BEYOND].reshape(target.shape)


def _library(folder: Path, precision: str) -> ctypes.CDLL:
    source = folder / "products.cpp"
    source.write_text(_SOURCE)
    headers = Path(neurosim.backend.__file__).parent / "templates" / "cpp"
    include, folder_of_blas, blas = blas_paths()
    single = [f"-D{name}={value}" for name, value in SINGLE] if precision == "float32" else []
    return shared_library(
        source,
        folder / "products.so",
        compiling=[*single, f"-I{headers}", f"-I{include}"],
        linking=[f"-L{folder_of_blas}", f"-Wl,-rpath,{folder_of_blas}", f"-l{blas}"],
    )
