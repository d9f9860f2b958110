"""Targets corrected at the input of the decoders, layer after layer; knows no simultaneous relaxation."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from torch import Tensor

from neurosim.reference.targetprop.autoencoders import Autoencoders
from neurosim.reference.targetprop.output_iteration import check_steps
from neurosim.reference.tensors import shaped


def decoder_inputs(autoencoders: Autoencoders, layer: int, *, target: Any) -> Iterator[Tensor]:
    """u_0 = τ_l,  u_{t+1} = u_t + τ_l − f_l(g_l(u_t)) of one layer l = 2..L, without end; each (B, n_l).

    ε_{t+1} = u_t − u_{t+1} = f_l(g_l(u_t)) − τ_l is what g_l(u_t) misses; it shrinks by Lip(f_l∘g_l − id) a
    step. It is the Euler step of length 1 of du/dt = τ_l − f_l(g_l(u)).
    target : τ_l, (B, n_l). Source: section 5, eq. for u_t.

    Raises
    ------
    SpecError : no such layer. DataError : a target of another shape.
    """
    above = autoencoders.forward[autoencoders.position(layer, lowest=2)]
    wanted = shaped(target, shape=(None, above.shape[0]), name="target")
    return _continue(autoencoders, layer, wanted)


def _continue(autoencoders: Autoencoders, layer: int, wanted: Tensor) -> Iterator[Tensor]:
    given = wanted
    while True:
        yield given
        given = given + (wanted - autoencoders.encode(layer, autoencoders.decode(layer, given)))


def correct_output(
    autoencoders: Autoencoders, layer: int, *, target: Tensor, decoder_input: Tensor
) -> Tensor:
    """τ_{l−1} = g(τ_l) + g(u_T) − g(f(g(u_T))), (B, n_{l−1}): one correction on the other side (section 6).

    The decoder's error at τ_l is taken to be the one at f(g(u_T)) nearby, where it is known.
    target : τ_l, decoder_input : u_T, both (B, n_l).
    """
    found = autoencoders.decode(layer, decoder_input)
    again = autoencoders.decode(layer, autoencoders.encode(layer, found))
    return autoencoders.decode(layer, target) + found - again


def propagate_corrected(
    autoencoders: Autoencoders, output_target: Any, *, steps: int, one_shot: bool = False
) -> tuple[Tensor, ...]:
    """τ_{l−1} = g_l(u_T) with T = `steps`, from layer L down; gives τ_1..τ_L, each (B, n_l).

    one_shot : put `correct_output` after the last step. Zero steps without it are `propagate`.

    Raises
    ------
    SpecError : a negative number of steps. DataError : τ_L of another shape.
    """
    check_steps(steps)
    targets = [shaped(output_target, shape=(None, autoencoders.sizes[-1]), name="output_target")]
    for layer in range(autoencoders.depth, 1, -1):
        above = targets[-1]
        last = next(islice(decoder_inputs(autoencoders, layer, target=above), steps, None))
        if one_shot:
            targets.append(correct_output(autoencoders, layer, target=above, decoder_input=last))
        else:
            targets.append(autoencoders.decode(layer, last))
    return tuple(reversed(targets))
