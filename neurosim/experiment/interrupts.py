"""Interrupts that Python would lose; knows nothing of what is interrupted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def none_lost() -> Iterator[Callable[[], None]]:
    """Calling what this gives raises KeyboardInterrupt if one was raised where Python drops exceptions, such as in the
    callback of a weak reference."""
    lost, before = [], sys.unraisablehook

    def note(unraisable: sys.UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            lost.append(True)
        else:
            before(unraisable)

    def check() -> None:
        if lost:
            lost.clear()
            raise KeyboardInterrupt

    sys.unraisablehook = note
    try:
        yield check
    finally:
        sys.unraisablehook = before
