"""Three-compartment neurons without their nonlinearity as NIR nodes; knows no controller."""

from __future__ import annotations

import nir
import numpy as np

from neurosim.io.nir.drawing import Array, Drawing, Subject, leaky


def draw_layers(drawing: Drawing, subject: Subject) -> str:
    """From the input to the output's rate; returns the node that gives it.

    τ_v dv/dt = −leak v + basal_gain v_ff + apical_gain v_fb + offset,  r = φ(slope v), where φ is left to who reads:
    a node that scales says in its metadata what has to be applied to what it gives.
    """
    network = subject.spec.network
    source = drawing.add("input", nir.Input(input_type={"input": np.array([network.layers[0]])}))
    for l in range(1, network.depth + 1):
        source = _draw_layer(drawing, subject, l, source)
    return source


def _draw_layer(drawing: Drawing, subject: Subject, l: int, source: str) -> str:
    network, part, tau_u = subject.spec.network, f"layer_{l}", subject.time_base
    projection = subject.result.connectivity[subject.forward(l)]
    biases = projection.biases if projection.biases is not None else np.zeros(network.layers[l])
    ends = {"source": projection.source, "target": projection.target, "kind": projection.kind}
    weights = drawing.add(
        subject.forward(l), nir.Affine(weight=projection.weights, bias=np.asarray(biases)), source, **ends
    )

    def drawn(name: str, default: float) -> Array:
        return subject.drawn(part, name, default)

    basal, offset = drawn("basal_leak", 1), drawn("basal_offset", 0)
    gain, constant = drawn("basal_gain", 1), drawn("offset", 0)
    if network.tau_basal_ratio > 0:
        compartment = leaky(network.tau_basal_ratio * tau_u, basal, -basal * offset)
        basal_end = drawing.scaled(f"basal_gain_{l}", gain, drawing.add(f"basal_{l}", compartment, weights))
    else:  # it rests at I/leak − offset
        basal_end = drawing.scaled(f"basal_gain_{l}", gain / basal, weights)
        constant = constant - gain * offset
    if subject.feedback and network.tau_apical_ratio == 0:  # and so does the apical compartment
        constant = constant - drawn("apical_gain", 1) * drawn("apical_offset", 0)
    soma = drawing.add(
        f"soma_{l}", leaky(network.tau_soma_ratio * tau_u, drawn("leak", 1), constant), basal_end
    )
    activation = network.activations[l - 1]
    meaning = {} if activation == "linear" else {"activation": activation}
    return drawing.scaled(f"rate_{l}", drawn("slope", 1), soma, **meaning)


def draw_apical(drawing: Drawing, subject: Subject, l: int, source: str) -> str:
    """From what feedback weights are given to the soma of layer l; returns the node that is relayed further down:
    the compartment, or what drives it where that has no time constant."""
    part, projection = f"layer_{l}", subject.feedback[l]
    ends = {"source": projection.source, "target": projection.target, "kind": projection.kind}
    name = f"{projection.source}_to_{part}"
    relayed = end = drawing.add(name, nir.Linear(weight=projection.weights), source, **ends)
    leak, gain = subject.drawn(part, "apical_leak", 1), subject.drawn(part, "apical_gain", 1)
    if subject.spec.network.tau_apical_ratio > 0:
        tau = subject.spec.network.tau_apical_ratio * subject.time_base
        offset = subject.drawn(part, "apical_offset", 0)
        relayed = end = drawing.add(f"apical_{l}", leaky(tau, leak, -leak * offset), end)
    else:
        gain = gain / leak
    drawing.join(drawing.scaled(f"apical_gain_{l}", gain, end), f"soma_{l}")
    return relayed
