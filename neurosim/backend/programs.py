"""Compiled emulations as processes: started side by side, waited for, told to end; knows no numbers of theirs."""

from __future__ import annotations

import os
import select
import signal
import struct
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import attrs
import numpy as np

from neurosim.backend.cuda_tools import ORDER
from neurosim.backend.emulator import Progress
from neurosim.backend.interrupts import noted
from neurosim.equations.model import Model
from neurosim.equations.operations import Meet
from neurosim.errors import EngineError


def run_programs(
    built: Path,
    folders: Sequence[Path],
    presentations: int,
    *,
    progress: Progress | None,
    meeting: Meeting | None,
) -> bool:
    """Run the program of a build in each of the folders, all at once. Whether they were interrupted.

    Raises
    ------
    EngineError : one of them broke off, with what it said.
    KeyboardInterrupt : at the second interrupt, or at one that met no steps; none runs any more.
    """
    interrupted = False
    with ExitStack() as stack:
        interrupt = stack.enter_context(noted())
        programs = [stack.enter_context(_program(built, folder)) for folder in folders]
        while True:
            try:
                _wait(programs, meeting, folders[0] / "progress", presentations, progress, interrupt)
                break
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True
                if meeting is not None:
                    meeting.ask_to_end()
                else:
                    programs[0].process.send_signal(signal.SIGINT)
    if interrupted and any(program.process.returncode == -signal.SIGINT for program in programs):
        raise KeyboardInterrupt  # before its first step or after its last: nothing was left
    for program, folder in zip(programs, folders, strict=True):
        said = (folder / "errors").read_text(errors="replace").strip()
        if program.process.returncode != 0 or said:
            raise EngineError(
                "the compiled emulation broke off",
                where=str(built),
                got=f"exit status {program.process.returncode}: {said[-300:]}",
            )
    return interrupted


@attrs.frozen(kw_only=True)
class _Program:
    """One that runs."""

    process: subprocess.Popen[bytes]
    alive: IO[str]
    """Readable once the program has ended."""


@contextmanager
def _program(built: Path, folder: Path) -> Iterator[_Program]:
    """Started, and ended at the latest when this is left."""
    (folder / "progress").write_bytes(bytes(8))
    environment = {**os.environ, **ORDER, "OPENBLAS_NUM_THREADS": "1"}  # more are slower on small products
    alive, held_by_program = os.pipe()  # its end closes when the program does: no polling with back-off
    with (folder / "errors").open("wb") as errors, os.fdopen(alive) as end:
        process = subprocess.Popen(
            [str(built / "main"), "--results_dir", f"{folder}/"],
            cwd=built,
            env=environment,
            stdout=errors,
            stderr=errors,
            pass_fds=(held_by_program,),
            start_new_session=True,  # Ctrl-C reaches the program once, through us
        )
        os.close(held_by_program)
        try:
            yield _Program(process=process, alive=end)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


class Meeting:
    """What runs share that meet, see neurosim_meet.h: the file, and what is told them through it."""

    _LEFT, _ASKED, _HEAD = 2, 3, 8
    """Places in the head, and its length, of 8 bytes each."""

    def __init__(self, folders: Sequence[Path], model: Model) -> None:
        count = sum(
            sum(meet.sizes)
            for program in model.programs
            for meet in program.operations
            if isinstance(meet, Meet)
        )
        path = folders[0] / "meeting"
        path.write_bytes(
            bytes(8 * self._HEAD + 2 * len(folders) * count * np.dtype(model.precision).itemsize)
        )
        for number, folder in enumerate(folders):
            (folder / "part").write_bytes(struct.pack("q", number))
            if number:
                (folder / "meeting").symlink_to(path)
        self._head = np.memmap(path, dtype=np.int64, mode="r+", shape=(self._HEAD,))

    def have_left(self, count: int) -> None:
        """So many have ended; the others need not wait for them."""
        self._head[self._LEFT] = count

    def ask_to_end(self) -> None:
        """Where they meet next."""
        self._head[self._ASKED] = 1


def _wait(
    programs: Sequence[_Program],
    meeting: Meeting | None,
    path: Path,
    presentations: int,
    progress: Progress | None,
    interrupt: threading.Event,
) -> None:
    """Until all have ended, of which `progress` is told in any case. KeyboardInterrupt at an interrupt, the flag down
    again."""
    left = {program.alive: program for program in programs if program.process.poll() is None}
    while True:
        for end in select.select(list(left), [], [], 0.1)[0] if left else ():
            left.pop(end).process.wait()
        if meeting is not None:
            meeting.have_left(len(programs) - len(left))
        if progress is not None:
            progress(struct.unpack("q", path.read_bytes())[0], presentations)
        if interrupt.is_set():
            interrupt.clear()
            raise KeyboardInterrupt
        if not left:
            return
