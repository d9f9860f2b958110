"""The PI controller and its loop as NIR nodes; knows nothing of what is in a layer."""

from __future__ import annotations

import nir
import numpy as np

from neurosim.io.nir.drawing import Array, Drawing, Subject, leaky
from neurosim.io.nir.layers import draw_apical
from neurosim.learning.feedback import FixedRelayed

PART = "controller"


def draw_controller(drawing: Drawing, subject: Subject, rate: str) -> None:
    """u = K_I u_int + k_p proportional e + k_d ė_f,  τ_u du_int/dt = integral e − (α leak + gain_leak) u_int,
    e = r* − r + error_offset, with r* an input of its own; then Q_l u into the apical compartments."""
    n, error = subject.spec.network.layers[-1], "error"
    target = drawing.add("target", nir.Input(input_type={"input": np.array([n])}))
    offset = subject.drawn(PART, "error_offset", 0)
    minus = nir.Affine(weight=-np.eye(n), bias=offset) if np.any(offset) else nir.Scale(scale=-np.ones(n))
    drawing.add("minus_output", minus, rate)
    drawing.add(error, nir.Scale(scale=np.ones(n)), target, "minus_output")
    above = _control(drawing, subject, error)
    for l in range(subject.spec.network.depth, 0, -1):
        end = draw_apical(drawing, subject, l, above)
        above = end if isinstance(subject.method.feedback, FixedRelayed) else above


def _control(drawing: Drawing, subject: Subject, error: str) -> str:
    """From the error to the controller's output."""
    settings, tau_u = subject.spec.method, subject.time_base

    def drawn(name: str, default: float) -> Array:
        return subject.drawn(PART, name, default)

    paths = []
    if settings.integral_gain > 0:
        integrator = drawing.add("integrator", _integrator(subject), error)
        paths.append(
            drawing.scaled("integral", settings.integral_gain * np.ones_like(drawn("leak", 1)), integrator)
        )
    if settings.proportional_gain > 0:
        gain = settings.proportional_gain * drawn("proportional", 1)
        paths.append(drawing.add("proportional", nir.Scale(scale=gain), error))
    if settings.derivative_gain > 0:
        ones = np.ones_like(drawn("leak", 1))
        ratio = settings.derivative_gain / settings.derivative_filter_ratio
        slow = drawing.add("slow_error", leaky(settings.derivative_filter_ratio * tau_u, ones), error)
        paths.append(drawing.add("derivative", nir.Scale(scale=ratio * ones), error))
        paths.append(drawing.add("derivative_slow", nir.Scale(scale=-ratio * ones), slow))
    tau = float(drawn("output_tau", 0)[0])
    if tau > 0:
        offset = drawn("output_offset", 0)
        return drawing.add(PART, leaky(tau * tau_u, np.ones_like(offset), offset), *paths)
    return drawing.add(PART, nir.Scale(scale=np.ones_like(drawn("leak", 1))), *paths)


def _integrator(subject: Subject) -> nir.NIRNode:
    gain = subject.drawn(PART, "integral", 1)
    leak = subject.spec.method.leak * subject.drawn(PART, "leak", 1) + subject.drawn(PART, "gain_leak", 0)
    if np.all(leak == 0):
        return nir.I(r=gain / subject.time_base)
    node: nir.NIRNode = leaky(subject.time_base, leak, gain=gain)
    return node
