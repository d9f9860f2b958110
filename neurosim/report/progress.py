"""Progress of long work: a bar on a terminal, plain lines otherwise; knows nothing of the work."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

LINE_EVERY = 5.0
"""Seconds between plain lines of the same work. Chosen."""


class Progress:
    """Call it with (what is under way, how much is done, of how much); writes to standard error."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        self._what = ""
        self._last = 0.0

    def __enter__(self) -> Progress:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
            from rich.progress import Progress as RichProgress

            self._bar = RichProgress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._quiet:
            return
        if self._bar is not None:
            self._show_bar(what, done, total)
        elif what != self._what or time.monotonic() - self._last > LINE_EVERY:
            print(f"{what}: {done} of {total}" if total > 1 else what, file=sys.stderr, flush=True)
            self._last = time.monotonic()
        self._what = what

    def _show_bar(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(what, total=total)
        self._bar.update(self._task, completed=done)
