"""Exit statuses, a promise to users."""

from __future__ import annotations

DONE, FELL_SHORT, BAD_USE, BAD_RUN, INTERRUPTED = 0, 1, 2, 3, 130
"""130 is the shell's for an interrupt."""
