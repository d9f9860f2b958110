"""Measures things against each other in turns and writes what came out; does not know what it measures."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from threadpoolctl import threadpool_info

Measure = Callable[[], float]
"""Takes one sample, in whatever unit the caller states."""

PACKAGES = ("neurosim-emulator", "brian2", "numpy", "scipy-openblas32")


@attrs.frozen(kw_only=True)
class Quartiles:
    """A sample's median and quartiles; medians because other processes disturb a clock one way only."""

    median: float
    q1: float
    q3: float

    @staticmethod
    def of(samples: Sequence[float]) -> Quartiles:
        """Of at least one number."""
        q1, median, q3 = np.percentile(samples, (25, 50, 75))
        return Quartiles(median=float(median), q1=float(q1), q3=float(q3))


@attrs.frozen(kw_only=True)
class Comparison:
    """Samples of several measures that were taken in turns."""

    samples: Mapping[str, tuple[float, ...]]
    """By name, one for each round."""
    baseline: str
    """The name that the others are divided by."""

    def times(self) -> dict[str, Quartiles]:
        """Of each measure."""
        return {name: Quartiles.of(values) for name, values in self.samples.items()}

    def ratios(self) -> dict[str, Quartiles]:
        """Of each measure over the baseline of the same round, so that a slow minute counts for both."""
        base = np.asarray(self.samples[self.baseline])
        return {
            name: Quartiles.of(np.asarray(values) / base)
            for name, values in self.samples.items()
            if name != self.baseline
        }

    def table(self) -> dict[str, Any]:
        """Plain data for a JSON file."""
        return {
            "samples": {name: list(values) for name, values in self.samples.items()},
            "times": {name: attrs.asdict(q) for name, q in self.times().items()},
            "baseline": self.baseline,
            "ratios_to_baseline": {name: attrs.asdict(q) for name, q in self.ratios().items()},
        }


def compare(measures: Mapping[str, Measure], *, repeats: int, baseline: str) -> Comparison:
    """Take `repeats` samples of each measure, interleaved: every round takes one of each.

    Each round starts with another measure, so that none always follows the same one.
    """
    names = list(measures)
    samples: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(repeats):
        first = turn % len(names)
        for name in (*names[first:], *names[:first]):
            samples[name].append(measures[name]())
    return Comparison(samples={name: tuple(values) for name, values in samples.items()}, baseline=baseline)


def machine() -> dict[str, Any]:
    """Where and when: processor, cores, load, versions, compiler, and the BLAS of this process."""
    return {
        "cpu": _cpu_model(),
        "cores_usable": len(os.sched_getaffinity(0)),
        "load_average": list(os.getloadavg()),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "compiler": _compiler(),
        "blas": [
            {key: info.get(key) for key in ("internal_api", "version", "architecture", "num_threads")}
            for info in threadpool_info()
            if info.get("user_api") == "blas"
        ],
    }


def write_report(path: Path, *, benchmark: str, settings: Mapping[str, Any], cases: Sequence[Any]) -> None:
    """One JSON file: what was run and where, then the cases."""
    report = {
        "benchmark": benchmark,
        "command": " ".join(sys.orig_argv),
        "machine": machine(),
        "settings": dict(settings),
        "cases": list(cases),
    }
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    found = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return found[0] if found else platform.processor()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except ModuleNotFoundError:  # PackageNotFoundError is one
        return None


def _compiler() -> str | None:
    command = [os.environ.get("CXX", "g++"), "--version"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()[0]
    except (OSError, IndexError):
        return None
