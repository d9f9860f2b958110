"""Figure 2: how many feedback weights fulfil conditions 2 and 3, seen in two principal components."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from common import Arrays, new_figure, panel, save_figure
from numpy.typing import NDArray
from scipy.stats import gaussian_kde

from neurosim.learning.initial import initial_weights
from neurosim.reference import Parameters, feedforward, output_jacobian
from neurosim.report.style import COLOURS, SMALL
from neurosim.spec import Network
from neurosim.spec.streams import stream

Array = NDArray[np.float64]
LAYERS = (5, 2, 2)
GAMMAS = np.logspace(-5, 2, 100)


def draw_space(*, seed: int, number: int) -> Arrays:
    """Random Q = JᵀP with Re eig(JQ) > 0 and ‖Q‖ = 1, and what other methods feed back with, projected.

    P is a matrix of standard normals, so that Q has the row space of J (condition 2); those whose JQ has an
    eigenvalue with a real part ≤ 0 are drawn again (condition 3 with α = 0).
    """
    network = Network(layers=LAYERS)
    forward, biases = initial_weights(network, seed)
    generator = stream(seed, "figure_2")
    parameters = Parameters.from_arrays(forward=forward, biases=biases)
    activity = feedforward(network, parameters, generator.standard_normal((1, LAYERS[0])))
    jacobian = output_jacobian(network, parameters, activity)[0].numpy()
    drawn = 0
    random: list[Array] = []
    while len(random) < number:
        feedback = jacobian.T @ generator.standard_normal((LAYERS[-1], LAYERS[-1]))
        drawn += 1
        if np.linalg.eigvals(jacobian @ feedback).real.min() > 0:
            random.append(_unit(feedback))
    gram = jacobian @ jacobian.T
    damped = [_unit(jacobian.T @ np.linalg.inv(gram + gamma * np.eye(len(gram)))) for gamma in GAMMAS]
    sets = {
        "random": np.array(random),
        "damped": np.array(damped),
        "inverse": _unit(np.linalg.pinv(jacobian))[None],
        "transpose": _unit(jacobian.T)[None],
    }
    everything = np.concatenate(list(sets.values()))
    centre = everything.mean(0)
    _, lengths, axes = np.linalg.svd(everything - centre, full_matrices=False)
    found: dict[str, Any] = {name: (values - centre) @ axes[:2].T for name, values in sets.items()}
    return {
        **found,
        "explained": (lengths**2 / (lengths**2).sum())[:2],
        "accepted": np.array(number / drawn),
    }


def _unit(matrix: Array) -> Array:
    return (matrix / np.linalg.norm(matrix)).ravel()


def draw_figure(space: Arrays, folder: Path, *, caption: str) -> None:
    """Dots, density contours and the other methods' feedback above them."""
    figure = new_figure(6.4, 5.6)
    axes = figure.add_subplot()
    shares = 100 * space["explained"]
    panel(axes, "", "", x=f"PC1 ({shares[0]:.0f} % of the variance)", y=f"PC2 ({shares[1]:.0f} %)")
    axes.grid(visible=False)
    points = space["random"]
    limit = 1.1 * np.abs(points).max()
    line = np.linspace(-limit, limit, 120)
    across, up = np.meshgrid(line, line)
    density = gaussian_kde(points.T)(np.array([across.ravel(), up.ravel()])).reshape(across.shape)
    filled = axes.contourf(across, up, density, levels=6, cmap="Blues", alpha=0.6)
    figure.colorbar(filled, ax=axes, label="probability density", shrink=0.8)
    axes.plot(*points.T, ".", color=COLOURS[0], markersize=2, alpha=0.5, label="Q")
    _mark(axes, space, size=6, label=True)
    axes.set_xlim(-limit, limit)
    axes.set_ylim(-limit, limit)
    axes.set_aspect("equal")
    near = axes.inset_axes((0.66, 0.01, 0.33, 0.2))
    _mark(near, space, size=9, label=False)
    _zoom(axes, near, space)
    figure.legend(loc="outside upper center", ncol=4, fontsize=SMALL, frameon=False)
    save_figure(figure, folder, "figure_2", caption=caption)


def _mark(axes: Any, space: Arrays, *, size: float, label: bool) -> None:
    """What other methods feed back with."""
    names = (r"$J^T(JJ^T+\gamma I)^{-1}$, $\gamma=10^{-5}\ldots10^2$", r"$J^\dagger$", r"$J^T$")
    looks = (("damped", "-", "#E69F00"), ("inverse", "^", COLOURS[2]), ("transpose", "s", COLOURS[1]))
    for name, (entry, marker, colour) in zip(names, looks, strict=True):
        axes.plot(
            *space[entry].T,
            marker,
            color=colour,
            linewidth=3,
            markersize=size,
            mec="white",
            label=name if label else None,
        )


def _zoom(axes: Any, near: Any, space: Arrays) -> None:
    """The inset shows them alone, as they lie close to one another."""
    points = np.concatenate([space["damped"], space["inverse"], space["transpose"]])
    middle, half = points.mean(0), 1.5 * np.ptp(points, axis=0).max() + 1e-6
    near.set_xlim(middle[0] - half, middle[0] + half)
    near.set_ylim(middle[1] - 0.6 * half, middle[1] + 0.6 * half)
    near.set_xticks([])
    near.set_yticks([])
    axes.indicate_inset_zoom(near, edgecolor="#4A4A4A")
