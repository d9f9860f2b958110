"""The table of methods, and the feedback weights that are fixed at the start."""

from functools import reduce
from typing import Any

import numpy as np
import pytest

from neurosim.errors import SpecError
from neurosim.learning import (
    METHODS,
    Anytime,
    AtSteadyState,
    Controlled,
    Decoders,
    FixedDirect,
    FixedLayerwise,
    FixedRelayed,
    Gradient,
    InputRelaxation,
    Iterated,
    LayerwisePseudoinverse,
    LayerwiseTranspose,
    LearnedDirect,
    Method,
    NonlinearChain,
    OpenLoop,
    OutputRelaxation,
    PairsAtOnce,
    PairsInTurn,
    Simulated,
    SingleLoop,
    Solved,
    TargetDifference,
    circuit_of,
    feedback_ends,
    feedback_shapes,
    method_of,
)
from neurosim.learning.feedback import direct_feedback_weights
from neurosim.learning.initial import initial_weights
from neurosim.learning.initial_feedback import initial_feedback
from neurosim.spec import MethodSettings, Network


@pytest.mark.parametrize(
    ("name", "feedback", "inversion", "plasticity", "dynamical", "sleeps"),
    [
        ("BP", LayerwiseTranspose, OpenLoop, Gradient, False, False),
        ("FA", FixedLayerwise, OpenLoop, Gradient, False, False),
        ("DFA", FixedDirect, OpenLoop, Gradient, False, False),
        ("PBP", LayerwisePseudoinverse, OpenLoop, Gradient, False, False),
        ("NDI", FixedLayerwise, Solved, Gradient, False, False),
        ("DI", FixedLayerwise, PairsInTurn, Gradient, True, False),
        ("DI-repeat", FixedLayerwise, PairsAtOnce, Gradient, True, False),
        ("SLDI", SingleLoop, NonlinearChain, Gradient, True, False),
        ("DFC", LearnedDirect, Simulated, Controlled, True, True),
        ("DFC-SS", LearnedDirect, Simulated, AtSteadyState, True, True),
        ("DFC-SSA", LearnedDirect, Solved, AtSteadyState, False, True),
        ("DFC-fixed", FixedDirect, Simulated, Controlled, True, False),
        ("DFC-SS-fixed", FixedDirect, Simulated, AtSteadyState, True, False),
        ("DFC-SSA-fixed", FixedDirect, Solved, AtSteadyState, False, False),
        ("DFC-merged", LearnedDirect, Simulated, Controlled, True, False),
        ("DFC-relayed", FixedRelayed, Simulated, Controlled, True, False),
        ("DTP1", Decoders, OutputRelaxation, TargetDifference, True, False),
        ("DTP", Decoders, OutputRelaxation, TargetDifference, True, False),
        ("DTP-input", Decoders, InputRelaxation, TargetDifference, True, False),
        ("DTP-online", Decoders, OutputRelaxation, Anytime, True, False),
        ("DTP1-iterated", Decoders, Iterated, TargetDifference, False, False),
        ("DTP-iterated", Decoders, Iterated, TargetDifference, False, False),
        ("DTP-input-iterated", Decoders, Iterated, TargetDifference, False, False),
        ("DTP-corrected", Decoders, Iterated, TargetDifference, False, False),
    ],
)
def test_parts_of_every_method(
    name: str, feedback: type, inversion: type, plasticity: type, dynamical: bool, sleeps: bool
) -> None:
    """The table of the facts page, section 1."""
    method = method_of(name)
    assert (type(method.feedback), type(method.inversion)) == (feedback, inversion)
    assert isinstance(method.plasticity, plasticity)
    assert (method.dynamical, method.sleeps) == (dynamical, sleeps)


def test_every_method_is_a_combination_of_its_own() -> None:
    assert len(set(METHODS.values())) == len(METHODS)
    assert MethodSettings().name in METHODS


@pytest.mark.parametrize(
    ("parts", "both"),
    [
        ((SingleLoop(), Simulated(), Controlled()), ("SingleLoop", "Simulated", "FixedDirect")),
        ((FixedDirect(), NonlinearChain(), Gradient()), ("FixedDirect", "NonlinearChain", "SingleLoop")),
        ((Decoders(), PairsInTurn(), Gradient()), ("Decoders", "PairsInTurn", "FixedLayerwise")),
        ((FixedDirect(), Simulated(), Gradient()), ("Gradient", "Simulated", "AtSteadyState")),
        (
            (LayerwiseTranspose(), Iterated("output"), Gradient()),
            ("LayerwiseTranspose", "Iterated", "Decoders"),
        ),
    ],
)
def test_parts_that_do_not_fit_are_named(parts: tuple[Any, Any, Any], both: tuple[str, str, str]) -> None:
    with pytest.raises(SpecError) as caught:
        Method(*parts)
    said = f"{caught.value.what} {caught.value.expected}"
    assert all(name in said for name in both)
    assert caught.value.remedy


@pytest.mark.parametrize("name", METHODS)
def test_every_feedback_starts_with_the_shapes_it_says(name: str) -> None:
    """Every matrix from its source's size to its target's, whatever the start."""
    network = Network(layers=(7, 6, 5, 4))
    sizes = {f"layer_{l}": n for l, n in enumerate(network.layers)} | {"controller": network.layers[-1]}
    forward, _ = initial_weights(network, 3)
    for start in ("default", "transpose", "random"):
        settings = MethodSettings(name=name, initial_feedback=start)
        method = method_of(name)
        weights = initial_feedback(method, settings, network, forward=forward, seed=3)
        ends = feedback_ends(method.feedback, network.layers)
        assert [w.shape for w in weights] == list(feedback_shapes(method.feedback, network.layers))
        assert [w.shape for w in weights] == [(sizes[target], sizes[source]) for source, target in ends]
        assert all(np.isfinite(w).all() and w.any() for w in weights)


@pytest.mark.parametrize("name", [n for n, m in METHODS.items() if isinstance(m.feedback, LearnedDirect)])
def test_an_output_obeys_its_controller_from_the_start_if_asked_to(name: str) -> None:
    """Q_L = I, and the others as random ones are, whatever their gain."""
    network = Network(layers=(7, 6, 5, 4))
    forward, _ = initial_weights(network, 3)

    def start(kind: str) -> tuple[np.ndarray, ...]:
        settings = MethodSettings(name=name, initial_feedback=kind, initial_feedback_gain=0.3)
        return initial_feedback(method_of(name), settings, network, forward=forward, seed=3)

    *hidden, output = start("output_identity")
    np.testing.assert_array_equal(output, np.eye(4))
    for ours, random in zip(hidden, start("random")[:-1], strict=True):
        np.testing.assert_array_equal(ours, random)


@pytest.mark.parametrize("name", ["DI", "SLDI", "DTP", "DFC-relayed"])
def test_only_a_direct_feedback_has_an_output_to_obey(name: str) -> None:
    network = Network(layers=(4, 3, 2))
    settings = MethodSettings(name=name, initial_feedback="output_identity")
    with pytest.raises(SpecError, match="no such start") as caught:
        initial_feedback(method_of(name), settings, network, forward=initial_weights(network, 1)[0], seed=1)
    assert "DFC" in caught.value.remedy


@pytest.mark.parametrize("name", [n for n, m in METHODS.items() if isinstance(m.feedback, FixedDirect)])
def test_a_feedback_without_a_loop_of_matrices_cannot_be_made_stable(name: str) -> None:
    network = Network(layers=(4, 3, 2))
    forward, _ = initial_weights(network, 1)
    with pytest.raises(SpecError) as caught:
        initial_feedback(
            method_of(name),
            MethodSettings(name=name, initial_feedback="stable"),
            network,
            forward=forward,
            seed=1,
        )
    assert caught.value.where == "method.initial_feedback"
    assert "SLDI" in caught.value.remedy


@pytest.mark.parametrize("name", [n for n, m in METHODS.items() if m.dynamical])
def test_every_circuit_is_wired_with_what_exists(name: str) -> None:
    """Sources are populations or the output, sizes fit the matrices, every layer's synapses see something."""
    network, settings = Network(layers=(7, 6, 5, 4)), MethodSettings(name=name)
    method = method_of(name)
    circuit = circuit_of(method, settings, network)
    assert (circuit is None) == isinstance(method.inversion, Simulated)
    if circuit is None:
        return
    layer_of = {p.name: p.layer for p in circuit.populations} | {"output": network.depth}
    shapes = feedback_shapes(method.feedback, network.layers)
    assert len(layer_of) == len(circuit.populations) + 1
    for population in circuit.populations:
        for drive in population.drives:
            n_in = network.layers[layer_of[drive.signal.source]]
            n_out = network.layers[population.layer]
            if drive.weights == "feedback":
                shape = shapes[drive.index - 1]
            elif drive.weights == "forward":
                shape = (network.layers[drive.index], network.layers[drive.index - 1])
            else:
                shape = (n_in, n_in)
            assert shape == (n_out, n_in)
        assert population.window is None or 0 <= population.window < circuit.windows
    assert len(circuit.posts) == network.depth
    assert [layer_of[post.signal.source] for post in circuit.posts] == [1, 2, 3]


@pytest.mark.parametrize("name", ["DI", "DI-repeat"])
def test_an_expanding_layer_needs_a_leak_or_swapped_ones(name: str) -> None:
    network = Network(layers=(3, 4, 6, 2))
    with pytest.raises(SpecError) as caught:
        circuit_of(method_of(name), MethodSettings(name=name, leak=0), network)
    assert caught.value.where == "method.leak"
    assert "6 units above 4" in caught.value.expected
    assert "swapped" in caught.value.remedy
    swapped = MethodSettings(name=name, leak=0, expanding_layers="swapped")
    circuit = circuit_of(method_of(name), swapped, network)
    assert circuit is not None
    leaks = {p.name: p.leak for p in circuit.populations}
    assert (leaks["error_1"], leaks["control_2"]) == (0, 1)
    assert (leaks["error_2"], leaks["control_3"]) == (1, 0)  # 2 units above 6: not expanding


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [("DFC-SSS", 'did you mean "DFC-SS'), ("dfc", "DFC"), ("DFCSSA", "DFC-SSA"), ("", "BP")],
)
def test_a_misspelt_method_is_answered(wrong: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        method_of(wrong)
    assert caught.value.where == "method.name"
    assert hint in caught.value.remedy
    assert all(name in caught.value.expected for name in METHODS)


@pytest.mark.parametrize("sizes", [(4, 3), (4, 5, 3), (7, 6, 5, 4, 3), (2, 1, 1, 6)])
def test_direct_feedback_is_the_transposed_path_to_the_output(sizes: tuple[int, ...]) -> None:
    """Q_l = (W_L ⋯ W_{l+1})ᵀ; the same product from the other end, so up to rounding."""
    forward, _ = initial_weights(Network(layers=sizes), 3)
    feedback = direct_feedback_weights(forward)
    assert [q.shape for q in feedback] == [(n, sizes[-1]) for n in sizes[1:]]
    np.testing.assert_array_equal(feedback[-1], np.eye(sizes[-1]))
    for l in range(len(feedback) - 1):
        path = reduce(np.matmul, reversed(forward[l + 1 :]))
        np.testing.assert_allclose(feedback[l], path.T, rtol=0, atol=1e-15 * len(sizes) * np.abs(path).max())


def test_in_a_linear_network_direct_feedback_is_the_transposed_jacobian() -> None:
    """So JQ = JJᵀ is positive, and condition 3 holds with room."""
    forward, _ = initial_weights(Network(layers=(6, 5, 4, 3)), 1)
    q = np.vstack(direct_feedback_weights(forward))
    jacobian = np.hstack([forward[2] @ forward[1], forward[2], np.eye(3)])
    np.testing.assert_allclose(q, jacobian.T, rtol=0, atol=1e-15)
    assert np.linalg.eigvalsh(jacobian @ q).min() >= 1  # the output's own block is the identity


def test_feedback_does_not_follow_the_first_layer() -> None:
    """W_1 is on no path from the first layer to the output."""
    forward, _ = initial_weights(Network(layers=(6, 5, 4)), 1)
    changed = (forward[0] + 1, forward[1])
    for a, b in zip(direct_feedback_weights(forward), direct_feedback_weights(changed), strict=True):
        np.testing.assert_array_equal(a, b)


def test_initial_weights_of_two_layers_are_independent() -> None:
    """Correlation within three of its standard errors 1/√n."""
    (first, second), _ = initial_weights(Network(layers=(100, 100, 100)), 5)
    correlation = np.corrcoef(first.ravel(), second.ravel())[0, 1]
    assert abs(correlation) < 3 / np.sqrt(first.size)
