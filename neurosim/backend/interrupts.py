"""Interrupts taken note of rather than raised wherever Python happens to be; knows no engine."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def noted() -> Iterator[threading.Event]:
    """A flag that an interrupt sets while this is open. An exception would be lost where Python drops exceptions, such
    as in the callback of a weak reference, and would leave half done what it comes upon.

    Where interrupts are ignored, as in jobs in the background of a script, or not for Python to handle, as in other
    threads than the main one, the flag stays as it is.
    """
    flag = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield flag
        return

    def note(_signal: int, _frame: FrameType | None) -> None:
        flag.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)
