"""The plans of figure 4 at full and at small scale, and what of them is shown and reported; draws nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from common import Arrays, Part, Settings, Split, key_of, load_split, resumable, summary
from numpy.typing import NDArray
from sklearn.manifold import TSNE

from neurosim.reference import feedforward
from neurosim.reference.tensors import as_array
from neurosim.spec import Network, Task
from podlaski_2020.algorithms import Algorithm
from podlaski_2020.images import SCORED, Plan, learn, parameters_of

CLASSIFIERS = (
    Algorithm("BP"),
    Algorithm("FA", "random"),
    Algorithm("FA", "transpose"),
    Algorithm("PBP"),
    Algorithm("NDI", "transpose", 0.0),
    Algorithm("NDI", "stable", 0.01),
    Algorithm("DI", "transpose", 0.0),
    Algorithm("DI", "stable", 0.01),
)
AUTOENCODERS = (
    Algorithm("BP"),
    Algorithm("FA", "random", bound=0.01),
    Algorithm("FA", "transpose"),
    Algorithm("PBP"),
    Algorithm("NDI", "transpose", 0.001),
    Algorithm("NDI", "transpose", 0.01),
    Algorithm("DI", "transpose", 0.001),
    Algorithm("DI", "transpose", 0.01),
)
SHOWN = ("BP, orthogonal", "DI Tr-Init α=0.01, uniform")
"""Whose reconstructions and codes are drawn."""
DIGITS = 8
CODE = 2
"""Index of the bottleneck among the layers."""


@attrs.frozen(kw_only=True)
class Scale:
    """How much of figure 4 is computed."""

    classifier: tuple[int, ...]
    autoencoder: tuple[int, ...]
    rate: float
    """Of the autoencoders, η of the batch's mean; the paper's 1e-6 of the sum over 100 is 1e-4."""
    train: int
    """Images; 0: all."""
    test: int
    classified: int
    """Examples shown."""
    reconstructed: int
    points: int
    """On a curve."""
    coded: int
    """Test images of which codes are drawn."""


FULL = Scale(
    classifier=(784, 1000, 10),
    autoencoder=(784, 500, 250, 30, 250, 500, 784),
    rate=1e-4,
    train=0,
    test=0,
    classified=600_000,
    reconstructed=1_500_000,
    points=60,
    coded=2000,
)
QUICK = Scale(
    classifier=(784, 100, 10),
    autoencoder=(784, 64, 32, 10, 32, 64, 784),
    rate=1e-2,
    train=3000,
    test=1000,
    classified=800,
    reconstructed=2000,
    points=4,
    coded=200,
)


@attrs.frozen(kw_only=True, eq=False)
class Pictures:
    """What the two autoencoders of `SHOWN` make of test images."""

    images: NDArray[np.float64]
    """(1 + 2, n_digits, 784): the inputs, then what each makes of them."""
    maps: NDArray[np.float64]
    """t-SNE of the codes, (2, n_points, 2)."""
    labels: NDArray[np.int64]
    """Of the points, (n_points,)."""


@attrs.frozen(kw_only=True, eq=False)
class Mnist:
    """Figure 4."""

    scale: Scale
    seeds: tuple[int, ...]
    examples: dict[str, NDArray[np.int64]]
    """By panel, (n_points + 1,)."""
    curves: dict[tuple[str, str], NDArray[np.float64]]
    """By panel and label, (n_seeds, n_points + 1): test error in %, mean squared error of a pixel."""
    steps: dict[tuple[str, str], float]
    """Largest share of the stable time step that the simulations took."""
    pictures: Pictures
    constant: float
    """Mean squared error of a pixel if every image is taken for the mean image."""


def plans_of(scale: Scale) -> list[Plan]:
    """All lines of panels a and b."""
    classifier = Network(layers=scale.classifier, hidden="tanh", output="linear", tau_soma_ratio=1.0)
    autoencoder = Network(
        layers=scale.autoencoder,
        hidden=("tanh", "tanh", "linear", "tanh", "tanh"),
        output="linear",
        tau_soma_ratio=1.0,
    )
    plans = [
        Plan(
            part="4a",
            algorithm=algorithm,
            network=classifier,
            rate=1e-3,
            decay=1e-6,
            batch=1,
            examples=scale.classified,
            interval=scale.classified // scale.points,
        )
        for algorithm in CLASSIFIERS
    ]
    return plans + [
        Plan(
            part="4b",
            algorithm=algorithm,
            network=autoencoder,
            start=start,
            rate=scale.rate,
            decay=1e-10,
            batch=100,
            examples=scale.reconstructed,
            interval=scale.reconstructed // scale.points,
        )
        for start in ("uniform", "orthogonal")
        for algorithm in AUTOENCODERS
    ]


def compute(settings: Settings, tell: Callable[[str, int, int], None]) -> Mnist:
    """All lines and seeds; what is kept from before is not computed again."""
    scale = QUICK if settings.quick else FULL
    task = Task(name="mnist", train_samples=scale.train, test_samples=scale.test)
    splits = {
        "4a": _standardised(load_split(task)),
        "4b": load_split(attrs.evolve(task, reconstruct=True, loss="squared_error")),
    }
    curves: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    steps: dict[tuple[str, str], float] = {}
    shown: dict[str, Arrays] = {}
    plans = plans_of(scale)
    for plan in plans:
        for seed in settings.seeds:
            what = f"figure {plan.part}, {plan.label}, seed {seed}"
            state = learn(
                plan,
                splits[plan.part],
                seed=seed,
                settings=settings,
                tell=lambda done, total, what=what: tell(what, done, total),
            )
            where = (plan.part, plan.label)
            curves.setdefault(where, []).append(state["curve"])
            steps[where] = max(float(np.max(state["steps"])), steps.get(where, 0.0))
            if plan.label in SHOWN and plan.part == "4b" and seed == settings.seeds[0]:
                shown[plan.label] = state
    return Mnist(
        scale=scale,
        seeds=settings.seeds,
        examples={plan.part: plan.interval * np.arange(plan.chunks + 1) for plan in plans},
        curves={where: np.stack(rows) for where, rows in curves.items()},
        steps=steps,
        pictures=_pictures(settings, scale, splits, shown, plans[-1].network),
        constant=float(splits["4b"].train.inputs[:SCORED].var(axis=0).mean()),
    )


def _standardised(split: Split) -> Split:
    """Zero mean and unit deviation over all pixels of the training images, as in the authors' code."""
    mean, deviation = split.train.inputs.mean(), split.train.inputs.std()

    def changed(part: Part) -> Part:
        return attrs.evolve(part, inputs=(part.inputs - mean) / deviation)

    return Split(train=changed(split.train), validation=changed(split.validation), test=changed(split.test))


def _pictures(
    settings: Settings, scale: Scale, splits: dict[str, Split], shown: dict[str, Arrays], network: Network
) -> Pictures:
    test, labels = splits["4b"].test, splits["4a"].test.labels
    assert labels is not None  # MNIST has them
    first = [int(np.flatnonzero(labels == digit)[0]) for digit in range(DIGITS)]
    inputs, images, codes = test.inputs[: scale.coded], [test.inputs[first]], []
    for label in SHOWN:
        parameters = parameters_of(shown[label], network.depth)
        images.append(as_array(feedforward(network, parameters, test.inputs[first]).output))
        codes.append(as_array(feedforward(network, parameters, inputs).rate[CODE]))
    key = key_of("figure_4d", scale=scale, seed=settings.seeds[0], weights=[float(c.sum()) for c in codes])
    maps = resumable(settings.kept, key, lambda: {"maps": [_embed(c) for c in codes]}, fresh=settings.fresh)
    return Pictures(images=np.stack(images), maps=maps["maps"], labels=labels[: scale.coded])


def _embed(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """t-SNE to two dimensions, (n, 2)."""
    return np.asarray(TSNE(n_components=2, init="pca", random_state=0).fit_transform(codes), dtype=np.float64)


def numbers(mnist: Mnist) -> dict[str, Any]:
    """For results.json: by panel and algorithm the first and the last error, and the share of the time step."""
    found: dict[str, Any] = {"mean image": mnist.constant}
    for (part, label), curve in mnist.curves.items():
        found.setdefault(part, {})[label] = {
            "first": summary(curve[:, 0].tolist()),
            "last": summary(curve[:, -1].tolist()),
            "dt over largest": mnist.steps[part, label],
        }
    return found
