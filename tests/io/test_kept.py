"""Numbers of a study, kept and found again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neurosim.errors import DataError, OutputError
from neurosim.io.kept import keep, read_kept


def test_what_is_kept_comes_back_under_the_same_settings_only(tmp_path: Path) -> None:
    file = tmp_path / "new" / "numbers.json"
    assert read_kept(file, settings=[5, "a"]) == {}
    keep(file, settings=[5, "a"], ideal=97.5, presets={"one": {"learned": [90.0, float("nan")]}})
    found = read_kept(file, settings=(5, "a"))
    assert found["ideal"] == 97.5
    assert str(found["presets"]) == "{'one': {'learned': [90.0, nan]}}"
    assert read_kept(file, settings=[5, "b"]) == {}
    assert list(json.loads(file.read_text())) == ["settings", "ideal", "presets"]


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}", "3"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "numbers.json"
    file.write_text(text)
    with pytest.raises(DataError, match="move the file away"):
        read_kept(file, settings=[])


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="folder cannot be made"):
        keep(tmp_path / "file" / "below" / "numbers.json", settings=[], ideal=1.0)
