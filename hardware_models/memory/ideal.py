"""No memory at all: a weight is what it was set to."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Ideal:
    """Keeps any number, changes as wanted, and does not say in what."""
