"""Many chips of one kind in one run: side by side in one engine, split over runs and processes where they are many."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from neurosim.backend import Emulator, Stimulus, build_emulator
from neurosim.backend.emulator import Progress
from neurosim.backend.memory import bytes_of_run, check_room, free_bytes
from neurosim.emulate.chip import VirtualChip
from neurosim.emulate.design import siblings
from neurosim.emulate.passage import Passage
from neurosim.emulate.showing import How, Showing
from neurosim.emulate.together import joined, parted
from neurosim.emulate.weights import Weights
from neurosim.equations import Model
from neurosim.equations.lot import side_by_side
from neurosim.errors import DataError, SpecError
from neurosim.spec import Spec

Array = NDArray[np.float64]

COLUMNS_AT_ONCE = 128
"""Columns of all chips of one run, chosen: of a small net they lie in a processor's second cache. 512 chips of
15-10-10-5 took 1.4 times as long in runs of 64, where starting programs weighs more."""


COLUMNS_ON_GPU = 16384
"""The same of a GPU, which is full with some hundred thousand threads; chosen, not measured."""


class Lot:
    """Chips that differ in what was drawn, in their weights and in what they learn, not in their equations.

    Each answers as it would alone, but for its noise, which is another sample of the same law, and for
    `Run.fast_forward`: they rest together. A chip that leaves all
    bounds does not stop the others; its weights are then worth nothing.
    """

    def __init__(
        self,
        specs: Sequence[Spec],
        *,
        columns: int | None = None,
        backend: str | None = None,
        at_once: int | None = None,
        processes: int | None = None,
    ) -> None:
        """One chip for each spec.

        Parameters
        ----------
        columns : of one chip; None: the specs' batch.
        at_once : chips in one run; None: as many as are fastest.
        processes : runs that go on side by side; None: one for each core. An engine within this process does one.

        Raises
        ------
        SpecError : specs of another structure, or of other numbers that all chips of a run share.
        """
        if not specs:
            raise DataError("a lot of no chips", expected="one spec or more")
        backend = backend or specs[0].run.backend
        self.chips = [
            VirtualChip(spec, columns=columns, backend=backend, chip=chip, built=False)
            for spec, chip in zip(specs, siblings(specs), strict=True)
        ]
        first = self.chips[0].model
        for spec, chip in zip(specs, self.chips, strict=True):
            if chip.model.hash != first.hash:
                raise SpecError(
                    "chips of one lot have the same equations",
                    where=spec.source or "specs",
                    expected=f"the network, method and kind of chip of the first ({specs[0].chip.get('name', '')})",
                    got=f"others ({chip.chip.name}, seed {chip.chip.seed})",
                    remedy="make a Lot for each kind",
                )
        self._share_door()
        for name, count in (("at_once", at_once), ("processes", processes)):
            if count is not None and count < 1:
                raise DataError(f"{name} cannot be so few", expected="1 or more", got=str(count))
        cores = len(os.sched_getaffinity(0)) if backend == "cpp" else 1
        most = at_once or self._fastest(
            processes or cores, COLUMNS_ON_GPU if backend == "cuda" else COLUMNS_AT_ONCE
        )
        runs = -(-len(specs) // min(most, len(specs)))
        self.at_once = -(-len(specs) // runs)  # the last run is about as long as the others
        self.processes = min(processes or cores, runs)
        self.model: Model = side_by_side(first, self.at_once)
        self._emulator: Emulator = build_emulator(self.model, backend)

    def _share_door(self) -> None:
        """All see one stimulus, which is converted and kept once."""
        door = self.chips[0].door
        for chip in self.chips:
            if chip.door.converters != door.converters:
                raise SpecError(
                    "chips of one lot have the same converters",
                    where=f"{chip.spec.source or 'spec'}: chip.input_converter",
                    got=f"others in seed {chip.chip.seed}",
                    remedy="make a Lot for each kind",
                )
            chip.door = door

    def _fastest(self, processes: int, columns: int) -> int:
        """Chips in one run that are fastest, or fewer if half of the memory does not hold them."""
        one = self.chips[0].model
        fits = free_bytes() // 2 // (processes * sum(bytes_of_run(one, {}, 0)))
        return max(1, min(columns // one.n_columns, fits))

    @property
    def build_seconds(self) -> float:
        """What building the emulation took; 0 where a compiled program was found in the cache."""
        return self._emulator.build_seconds

    def show(
        self,
        stimulus: Stimulus,
        *,
        weights: Sequence[Weights],
        progress: Progress | None = None,
        optimizer: Sequence[Mapping[str, Array]] | None = None,
        wander: Sequence[Mapping[str, Array]] | None = None,
        **how: Any,
    ) -> list[Passage]:
        """Show all chips the same, as `VirtualChip.show` does one; weights and what is carried on are each chip's own.

        Parameters
        ----------
        progress : told of presentations, those of all chips counted.
        how : see `How`.

        Raises
        ------
        DataError : not as many weights as chips, or what `VirtualChip.show` refuses.
        MemoryShortage : before anything runs.
        KeyboardInterrupt : once the runs under way have ended.
        """
        for name, given in (("weights", weights), ("optimizer", optimizer), ("wander", wander)):
            if given is not None and len(given) != len(self.chips):
                raise DataError(
                    f"{name} do not fit the lot",
                    expected=f"{len(self.chips)}, one for each chip",
                    got=str(len(given)),
                )

        def own(number: int) -> How:
            carried = {
                "optimizer": optimizer[number] if optimizer is not None else None,
                "wander": wander[number] if wander is not None else None,
            }
            return cast(How, {**how, **carried, "weights": weights[number]})

        self._check_memory(self.chips[0].prepared(stimulus, **own(0)))
        starts = range(0, len(self.chips), self.at_once)
        runs = [range(start, min(start + self.at_once, len(self.chips))) for start in starts]
        told = _Told(progress, stimulus.n_presentations * len(self.chips))

        def run(numbers: range) -> list[Passage]:
            if told.interrupted.is_set():
                raise KeyboardInterrupt
            showings = [self.chips[number].prepared(stimulus, **own(number)) for number in numbers]
            return self._run([self.chips[number] for number in numbers], showings, told.of(len(numbers)))

        if self.processes == 1:
            return [passage for numbers in runs for passage in run(numbers)]
        with ThreadPoolExecutor(self.processes) as pool:
            try:
                return [passage for passages in pool.map(run, runs) for passage in passages]
            except KeyboardInterrupt:
                told.interrupted.set()
                pool.shutdown(cancel_futures=True)
                raise

    def _run(
        self, chips: Sequence[VirtualChip], showings: Sequence[Showing], progress: Progress
    ) -> list[Passage]:
        recording = self._emulator.run(
            showings[0].stimulus,
            values=joined(chips, showings, places=self.at_once),
            outputs=showings[0].outputs,
            progress=progress,
        )
        if recording.interrupted:
            raise KeyboardInterrupt
        parts = parted(recording, chips, showings, whole=self.model)
        return [
            chip.passage(showing, part) for chip, showing, part in zip(chips, showings, parts, strict=True)
        ]

    def _check_memory(self, showing: Showing) -> None:
        chip = self.chips[0]
        running, kept = chip.bytes_of(showing)
        all_kept = len(self.chips) * kept
        room = free_bytes() - all_kept
        fits = room // (self.processes * (running + kept))
        check_room(
            self.processes * self.at_once * (running + kept) + all_kept,
            where="lot",
            remedy=f"lower chips at once to {fits}"
            if fits >= 1
            else "show fewer presentations in one run, or fewer chips",
        )


class _Told:
    """Adds up how far runs are, and tells each of them once if they shall end."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.interrupted = threading.Event()
        self._progress = progress
        self._total = total
        self._done: list[int] = []
        self._lock = threading.Lock()

    def of(self, chips: int) -> Progress:
        """What the run of so many chips is to call."""
        with self._lock:
            place = len(self._done)
            self._done.append(0)
        told = False

        def tell(done: int, _total: int) -> None:
            nonlocal told
            if self.interrupted.is_set() and not told:
                told = True
                raise KeyboardInterrupt
            with self._lock:
                self._done[place] = done * chips
                if self._progress is None:
                    return
                try:
                    self._progress(sum(self._done), self._total)
                except KeyboardInterrupt:
                    told = True
                    self.interrupted.set()
                    raise

        return tell
