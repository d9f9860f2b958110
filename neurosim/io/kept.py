"""Numbers of a long study in a JSON file, so that an interrupted one goes on; knows no study."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neurosim.errors import DataError
from neurosim.io.atomic import make_folder, one_line, write_atomically


def read_kept(path: str | Path, *, settings: Sequence[Any]) -> dict[str, Any]:
    """What was kept under the same settings, by name; nothing where there is no file, or one of other settings.

    Raises
    ------
    DataError : a file that cannot be read, or is none that `keep` wrote.
    """
    if not Path(path).exists():
        return {}
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        same = document.pop("settings") == list(settings)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            "numbers that were kept cannot be read",
            where=str(path),
            got=one_line(error),
            remedy="move the file away",
        ) from None
    return document if same else {}


def keep(path: str | Path, *, settings: Sequence[Any], **numbers: Any) -> None:
    """Write numbers by name, with the settings that they hold for; the file's folder is made where it is missing.

    Raises
    ------
    OutputError : it cannot be written.
    """
    make_folder(Path(path).parent)
    with write_atomically(path) as part:
        part.write_text(json.dumps({"settings": list(settings), **numbers}, indent=2), encoding="utf-8")
