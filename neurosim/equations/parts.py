"""Pieces of a Model that are put together, and what a Model keeps of a presentation."""

from __future__ import annotations

import attrs

from neurosim.equations.model import GatedCode, Group, Program

Traced = tuple[tuple[str, int, str], ...]
"""(reference, n_units, unit) each."""


@attrs.frozen(kw_only=True)
class Parts:
    """Groups and what runs on them."""

    groups: tuple[Group, ...] = ()
    code: tuple[GatedCode, ...] = ()
    programs: tuple[Program, ...] = ()

    def __add__(self, other: Parts) -> Parts:
        return Parts(
            groups=self.groups + other.groups,
            code=self.code + other.code,
            programs=self.programs + other.programs,
        )


@attrs.frozen(kw_only=True)
class Ending:
    """What is watched in every step and kept at the end of every presentation."""

    guarded: tuple[tuple[str, int], ...]
    """(reference, n_units): voltages that must stay within bounds."""
    kept: Traced
