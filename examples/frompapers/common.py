"""What the scripts that reproduce a paper share, all to be imported from here; knows no paper.

The command line and how a script ends stand here; `kept` resumes, `split` cuts data sets, `presented` shows numbers.

    settings = parse(__doc__, parts=("figure_3", "figure_4"))
    arrays = resumable(settings.kept, key_of("figure_3", seed=1, rate=0.01), compute, fresh=settings.fresh)
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import attrs
import torch
from kept import Arrays, continued, key_of, resumable
from presented import (
    new_figure,
    panel,
    print_table,
    read_results,
    save_figure,
    spread,
    summary,
    write_results,
)
from split import Part, Split, load_split

from neurosim.errors import NeurosimError, nearest
from neurosim.io.atomic import check_writable, make_folder

__all__ = [
    "Arrays",
    "Part",
    "Settings",
    "Split",
    "continued",
    "device_context",
    "guarded",
    "key_of",
    "load_split",
    "new_figure",
    "panel",
    "parse",
    "print_table",
    "read_results",
    "resumable",
    "save_figure",
    "spread",
    "summary",
    "write_results",
]

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


@attrs.frozen(kw_only=True)
class Settings:
    """What was asked for on the command line."""

    quick: bool
    """Minutes on two cores instead of the paper's sizes."""
    folder: Path
    """Where figures/, results.json and kept/ go."""
    only: tuple[str, ...]
    """The parts to run; empty: all."""
    seeds: tuple[int, ...]
    """1, 2, …; each draws weights, data and order anew."""
    fresh: bool
    """Whether to compute again what is kept already."""
    options: argparse.Namespace
    """All arguments, also those that the script added itself."""

    @property
    def kept(self) -> Path:
        """The folder of intermediate results, from which an interrupted run goes on."""
        return self.folder / "kept"

    def wants(self, part: str) -> bool:
        """Whether this part is to be run."""
        return not self.only or part in self.only


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def parse(
    description: str | None,
    *,
    parts: Sequence[str] = (),
    seeds: tuple[int, int] = (1, 5),
    add: Callable[[argparse.ArgumentParser], None] | None = None,
    arguments: Sequence[str] | None = None,
) -> Settings:
    """Read the command line; a bad one ends the program with one line and status 2. Makes the folder for results.

    parts : names for --only. seeds : how many without --seeds, quick and full.
    add : adds arguments of the script's own, to be found in `Settings.options`.

    Raises
    ------
    OutputError : nothing can be written where --out points; better now than after the work.
    """
    script = Path(sys.argv[0]).stem
    parser = _Parser(
        prog=script, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="minutes on two cores; smaller in every respect")
    parser.add_argument("--out", type=Path, default=Path("results/frompapers") / script, metavar="FOLDER")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="of " + ", ".join(parts))
    parser.add_argument(
        "--seeds", type=int, metavar="N", help=f"default: {seeds[0]} with --quick, else {seeds[1]}"
    )
    parser.add_argument("--fresh", action="store_true", help="compute again what is kept from earlier runs")
    if add is not None:
        add(parser)
    options = parser.parse_args(arguments)
    for name in options.only:
        if name not in parts:
            parser.error(f"argument --only: no part {name!r}; {nearest(name, parts)}")
    number = options.seeds if options.seeds is not None else seeds[0 if options.quick else 1]
    if number < 1:
        parser.error(f"argument --seeds: expected a whole number >= 1, got {number}")
    make_folder(options.out)
    check_writable(options.out / "results.json")
    return Settings(
        quick=options.quick,
        folder=options.out,
        only=tuple(options.only),
        seeds=tuple(range(1, number + 1)),
        fresh=options.fresh,
        options=options,
    )


def guarded(main: Callable[[], None], *, name: str) -> int:
    """Run a script's main function; what a user can mend ends in a few lines, not in a traceback."""
    try:
        main()
    except NeurosimError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted; the same command goes on from what is kept", file=sys.stderr)
        return INTERRUPTED
    return 0


def device_context() -> contextlib.AbstractContextManager[Any]:
    """Everything in it runs on the GPU, where there is one."""
    return torch.device("cuda") if torch.cuda.is_available() else contextlib.nullcontext()
