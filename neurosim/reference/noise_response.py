"""What small noise does to the learning signals of one presentation, to first order; knows no device.

The presentation is stepped by `simulate`, phases, sampling and plasticity with it. Reverse-mode automatic
differentiation tells how a signal changes by what is added to the drive of a state in every step: g_k of step k. Noise
of autocovariance c gives the signal the variance Σ_kk' g_k g_k' c(k − k') = Σ_lag c(lag) G(lag), with the
autocorrelation G of g. So every noise, white or slow, is a sum over lags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor
from torch.nn.functional import pad

from neurosim.reference.parameters import Parameters
from neurosim.reference.sensitivity import MOST_COLUMNS, PROBES
from neurosim.reference.settled_loop import Signals
from neurosim.reference.simulate import Simulation, simulate
from neurosim.reference.tensors import shaped
from neurosim.spec.deviations import Deviations
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network
from neurosim.spec.protocol import Protocol

SAMPLED = ("held", "difference")
"""Where noise enters once, when the controller is turned on."""
_MOST_NUMBERS = 2**26
"""Of gradients that are worked out at once, half a GiB; chosen."""

Entries = Mapping[str, Tensor]
"""By where noise enters: "soma", "basal", "apical", "integrator", and those of `SAMPLED`."""


@attrs.frozen(kw_only=True, eq=False)
class Response:
    """Of one signal y: G(lag) of each unit that noise enters at, the noise of two units being independent.

    Arrays are (n_units, n_lags); lags ≠ 0 count twice. Somata and compartments are those of all layers, one layer
    after the other. Noise that enters once has one lag.
    """

    whole: Entries
    """Summed over all entries of y."""
    along: Entries
    """Of y · (signal/‖signal‖)."""

    def square(self, noise: Entries) -> float:
        """Mean ‖change of y‖² by noise of autocovariance (n_units or 1, ≤ n_lags) at each entrance given."""
        return _summed(self.whole, noise)

    def square_across(self, noise: Entries) -> float:
        """The part of it that is orthogonal to y, and turns it."""
        return max(self.square(noise) - _summed(self.along, noise), 0.0)


def _summed(found: Entries, noise: Entries) -> float:
    """Noise without memory may be given by its first lag alone."""
    return float(sum((found[name][:, : c.shape[1]] * c).sum() for name, c in noise.items()))


@attrs.frozen(kw_only=True, eq=False)
class Quiet:
    """A presentation without noise, and what noise would do to it."""

    signals: Signals
    """At the end of the presentation; the update as plasticity accumulates it."""
    responses: Mapping[str, Response]
    """By the signals' names."""


def noise_responses(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    protocol: Protocol,
    inputs: Any,
    desired: Any,
    *,
    loss: str,
    deviations: Deviations | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Quiet:
    """Of one presentation of inputs (B, n_0) with desired outputs (B, n_L) on a chip (None: ideal).

    Columns have noise of their own. Weights stay what they are until the end, as buffered updates let them.

    Parameters
    ----------
    seed : of the `PROBES` random directions that stand for a signal of more than `MOST_COLUMNS` entries a column.
    progress : is told how many directions are done, and of how many.

    Raises
    ------
    SpecError : the method has no dynamics.
    DataError : an array does not fit.
    """
    columns = len(shaped(inputs, shape=(None, network.layers[0]), name="inputs"))
    entries = _entries(network, protocol, columns)
    shown = simulate(
        network,
        parameters,
        attrs.evolve(method, weight_updates="buffered", learning_rate=1.0),
        protocol,
        inputs,
        desired,
        loss=loss,
        deviations=deviations,
        wander={name: zeros for name, zeros in entries.items() if name not in SAMPLED},
        sampled={name: zeros for name, zeros in entries.items() if name in SAMPLED},
        record_every=max(protocol.period - 1, 1),
    )
    found = _signals(shown, network)
    rows = list(_rows(found, columns, torch.Generator().manual_seed(seed)))
    watch = progress or (lambda done, total: None)
    sums = _autocorrelations(torch.cat(list(found.values())), rows, entries, watch)
    return Quiet(
        signals=Signals(
            output=found["output"].detach().reshape(columns, -1),
            displacement=tuple(
                found[f"displacement_{l}"].detach().reshape(columns, -1) for l in range(1, network.depth + 1)
            ),
            update=found["update"].detach(),
        ),
        responses={
            name: Response(whole=sums[2 * place], along=sums[2 * place + 1])
            for place, name in enumerate(found)
        },
    )


def _entries(network: Network, protocol: Protocol, columns: int) -> dict[str, Tensor]:
    """Nothing, where noise would enter; with a gradient."""
    neurons, outputs = sum(network.layers[1:]), network.layers[-1]
    sizes = {"soma": neurons, "basal": neurons, "apical": neurons, "integrator": outputs}
    stepped = {name: (protocol.period, columns, n) for name, n in sizes.items()}
    shapes = {**stepped, "held": (columns, outputs), "difference": (columns, neurons)}
    return {
        name: torch.zeros(shape, dtype=torch.float64, requires_grad=True) for name, shape in shapes.items()
    }


def _signals(shown: Simulation, network: Network) -> dict[str, Tensor]:
    """As one vector each."""
    assert shown.updates is not None  # they were asked for
    last = shown.traces["controller"]["output"][:, -1]
    found = {"output": last.reshape(-1)}
    for l in range(1, network.depth + 1):
        layer = shown.traces[f"layer_{l}"]
        found[f"displacement_{l}"] = (layer["soma"][:, -1] - layer["basal"][:, -1]).reshape(-1)
    pieces = zip(shown.updates.forward, shown.updates.biases, strict=True)
    found["update"] = torch.cat([x.reshape(-1) for pair in pieces for x in pair])
    return found


def _rows(
    found: Mapping[str, Tensor], columns: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Of each signal the directions whose squares add up to those of all its entries, and the signal's own.

    Both are (rows, size of all signals in one vector).
    """
    sizes = [len(y) for y in found.values()]
    for place, (name, y) in enumerate(found.items()):
        # a column's noise reaches its own part of a signal alone, so that one direction serves all columns
        copies = 1 if name == "update" else columns
        n = len(y) // copies
        if n <= MOST_COLUMNS:
            directions = torch.eye(n, dtype=y.dtype)
        else:
            directions = torch.randn(PROBES, n, generator=generator, dtype=y.dtype) / PROBES**0.5
        own = y.detach() / torch.linalg.vector_norm(y.detach()).clamp(min=1e-300)
        around = (sum(sizes[:place]), sum(sizes[place + 1 :]))
        yield pad(directions.repeat(1, copies), around), pad(own[None], around)


def _autocorrelations(
    signals: Tensor,
    rows: Sequence[tuple[Tensor, Tensor]],
    entries: Entries,
    watch: Callable[[int, int], None],
) -> list[dict[str, Tensor]]:
    """G of each entrance, added up over columns and the rows of every signal, then along it."""
    blocks = [block for pair in rows for block in pair]
    totals: list[dict[str, Tensor]] = [{} for _ in blocks]
    owners = torch.cat([torch.full((len(block),), place) for place, block in enumerate(blocks)])
    most = max(1, _MOST_NUMBERS // sum(zeros.numel() for zeros in entries.values()))
    done = 0
    for chunk, owned in zip(torch.cat(blocks).split(most), owners.split(most), strict=True):
        gradients = torch.autograd.grad(
            signals,
            list(entries.values()),
            grad_outputs=chunk,
            is_grads_batched=True,
            retain_graph=True,
            allow_unused=True,
        )
        for name, gradient in zip(entries, gradients, strict=True):
            if gradient is None:  # this chip does not use it
                gradient = torch.zeros(len(chunk), *entries[name].shape, dtype=signals.dtype)
            for place in owned.unique().tolist():
                found = _autocorrelation(gradient[owned == place], once=name in SAMPLED)
                totals[place][name] = totals[place].get(name, torch.zeros_like(found)) + found
        done += len(chunk)
        watch(done, len(owners))
    return totals


def _autocorrelation(gradient: Tensor, *, once: bool) -> Tensor:
    """Of (rows, steps, columns, n_units) over steps: (n_units, steps), lags ≠ 0 doubled; once: (n_units, 1)."""
    if once:
        return gradient.square().sum(dim=(0, 1))[:, None]
    steps = gradient.shape[1]
    spectrum = torch.fft.rfft(gradient, n=2 * steps, dim=1)
    power = (spectrum.real.square() + spectrum.imag.square()).sum(dim=(0, 2))
    found = torch.fft.irfft(power, n=2 * steps, dim=0)[:steps].T.clone()
    found[:, 1:] *= 2
    return found
