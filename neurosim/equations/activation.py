"""The nonlinearities φ as expressions for Brian2."""

from __future__ import annotations

ACTIVATION_TEXT = {
    "tanh": "tanh({x})",
    "sigmoid": "1/(1 + exp(-{x}))",
    "softplus": "log(1 + exp(-abs({x}))) + 0.5*(({x}) + abs({x}))",
    "linear": "{x}",
}
"""φ(x); softplus is written so that no exponential overflows. With log1p its error of 1e-16 would be relative as well,
but Brian2 prints the array for every call of log1p in numpy, and C++ has no vector version of it."""


def activation(name: str, argument: str) -> str:
    """φ of an expression, in parentheses."""
    return "(" + ACTIVATION_TEXT[name].format(x=f"({argument})") + ")"


SLOPE_TEXT = {
    "tanh": "1 - tanh({x})**2",
    "sigmoid": "1/((1 + exp(-{x}))*(1 + exp({x})))",
    "softplus": "1/(1 + exp(-{x}))",
    "linear": "1.0",
}
"""φ'(x)."""


def slope_of(name: str, argument: str) -> str:
    """φ' of an expression, in parentheses."""
    return "(" + SLOPE_TEXT[name].format(x=f"({argument})") + ")"
