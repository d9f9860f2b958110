"""neurosim: whether an analog chip that learns by feedback control will really learn, before tape-out.

Importing it loads neither brian2 nor torch; the public names below load what they need when first used.
"""

from __future__ import annotations

import importlib
from typing import Any

from neurosim.version import __version__

_PUBLIC = {
    "read_spec": "neurosim.spec",
    "Spec": "neurosim.spec",
    "METHODS": "neurosim.learning",
    "Result": "neurosim.result",
    "run": "neurosim.experiment",
    "verify": "neurosim.experiment",
    "write_result": "neurosim.io",
    "read_result": "neurosim.io",
    "NeurosimError": "neurosim.errors",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'neurosim' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)
