"""How long work tells what it is at."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""What is under way, how much of it is done, of how much."""


def silent(what: str, done: int, total: int) -> None:
    """Tells nobody."""
