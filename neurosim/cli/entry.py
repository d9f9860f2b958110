"""One command from start to end: errors, interrupts and readers that have gone become an exit status."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import attrs

from neurosim.cli.arguments import parser_of_commands
from neurosim.cli.statuses import BAD_USE, INTERRUPTED
from neurosim.errors import NeurosimError, SpecError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. Errors go to standard error, without a traceback."""
    options = parser_of_commands().parse_args(arguments)
    try:
        status = int(options.command(options))
        sys.stdout.flush()
        return status
    except (NeurosimError, MemoryError) as error:
        if options.debug:
            raise
        told = error if isinstance(error, NeurosimError) else _out_of_memory(options, error)
        if _asked(options) and (_is_key(told.where) or _is_in_result(told.where)):
            told = told.within(_asked(options))
        print(f"neurosim: {told.report()}", file=sys.stderr)
        return told.exit_status
    except KeyboardInterrupt:
        print("neurosim: interrupted; what was written is kept", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BAD_USE


def _asked(options: argparse.Namespace) -> str:
    """The file that a command is about: a spec, or a result; empty where it is about none."""
    named = (getattr(options, name, None) for name in ("spec", "earlier", "result"))
    return str(next((file for file in named if file), ""))


def _is_in_result(where: str) -> bool:
    """Whether a place is one within a result, as errors that do not know its file name them."""
    from neurosim.io.hdf5.layout import GROUPS

    return where.startswith("/") and where.replace(":", "/").split("/")[1] in GROUPS


def _is_key(where: str) -> bool:
    """Whether a place is a key of the spec, without the file that it stands in."""
    from neurosim.spec import Spec

    table, dot, key = where.partition(".")
    return bool(dot) and bool(key) and table in {*attrs.fields_dict(Spec)}


def _out_of_memory(options: argparse.Namespace, error: MemoryError) -> NeurosimError:
    return SpecError(
        "not enough memory",
        where=_asked(options),
        got=str(error),
        remedy="make network.layers, run.batch or the task's samples smaller",
    )
