"""The errors a user can meet: what was wrong where, what was expected, what to do; nothing about engines."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Self

LONGEST_LINE = 500
"""Characters of a message's line that are shown; chosen, room for a path and a list of names."""


class NeurosimError(Exception):
    """Something a user can mend; prints as at most five lines.

    Parameters
    ----------
    what : one line that says what went wrong.
    where : file, key or data set at fault.
    expected, got : what should have stood there, and what did.
    remedy : what to do next.
    """

    exit_status = 2

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        expected: str = "",
        got: str = "",
        remedy: str = "",
    ) -> None:
        self.what = what
        self.where = where
        self.expected = expected
        self.got = got
        self.remedy = remedy
        super().__init__(self.report())

    def report(self) -> str:
        """The message as it is shown, one line for each thing known."""
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        for label, text in (("expected", self.expected), ("got", self.got), ("remedy", self.remedy)):
            if text:
                lines.append(f"  {label}: {text}")
        return "\n".join(_one_line(line) for line in lines)

    def within(self, place: str) -> Self:
        """The same error, with `place` named before what it names itself."""
        where = f"{place}: {self.where}" if self.where else place
        return type(self)(self.what, where=where, expected=self.expected, got=self.got, remedy=self.remedy)


class SpecError(NeurosimError):
    """A spec file or an override that cannot be read or is not allowed."""


class DataError(NeurosimError):
    """A data set that is missing, damaged or of the wrong shape."""


class OutputError(NeurosimError):
    """A result that cannot be written or read."""


class CompileError(NeurosimError):
    """The compiler is missing or failed."""


class EngineError(NeurosimError):
    """A compiled emulation that broke off by itself."""


class MemoryShortage(NeurosimError):
    """A run that would need more memory than there is."""


class UnstableError(NeurosimError):
    """The dynamics diverge, or the time step is too large for them."""

    exit_status = 3


def _one_line(text: str) -> str:
    """`text` with what could break or recolour the terminal's line written out, cut if it is very long."""
    plain = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return plain if len(plain) <= LONGEST_LINE else plain[: LONGEST_LINE - 1] + "…"


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean "…"?` for a misspelt `name`, or the list of what is known."""
    choices = sorted(known)
    written = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(name.lower(), written, n=1, cutoff=0.5)
    if close:
        return f'did you mean "{written[close[0]]}"?'
    return "known: " + ", ".join(choices)
