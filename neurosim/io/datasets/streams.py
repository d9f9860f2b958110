"""Named random streams of a data set's seed; knows no data."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """A generator that depends on the seed and on the name of its use, and on nothing drawn elsewhere.

    Two uses of one seed stay independent, and a new use moves no old one (numpy, SeedSequence.spawn_key).
    """
    key = zlib.crc32(name.encode())
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(key,))))
