"""Data sets: shapes, splits and seeds hold, and arrays that make no data set are refused."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from neurosim.errors import DataError
from neurosim.io import Dataset, load_dataset
from neurosim.io.datasets.dataset import one_hot
from neurosim.io.datasets.load import LOADERS
from neurosim.io.datasets.student_teacher import TEACHER_LAYERS, ask_teacher, draw_teacher
from neurosim.spec.task import TASKS, Task

ARRAYS = ("train_inputs", "train_desired", "test_inputs", "test_desired")


def test_every_task_has_a_loader():
    assert set(LOADERS) == set(TASKS)


def test_digits_are_the_real_ones():
    data = load_dataset(Task(name="digits"))
    assert data.train_inputs.shape == (1437, 64)
    assert data.test_inputs.shape == (360, 64)
    assert data.train_inputs.dtype == np.uint8
    assert (data.train_inputs.min(), data.train_inputs.max(), data.scale) == (0, 16, 1 / 16)
    assert np.array_equal(data.train_desired.argmax(axis=1), data.train_labels)
    assert np.array_equal(data.train_desired.sum(axis=1), np.ones(1437))
    assert (data.n_inputs, data.n_outputs, data.n_classes) == (64, 10, 10)
    # Sum over all 1797 images: no digit is lost or taken twice.
    assert int(data.train_inputs.sum(dtype=int) + data.test_inputs.sum(dtype=int)) == 561718


def test_digits_are_split_by_class():
    data = load_dataset(Task(name="digits"))
    shares = np.bincount(data.test_labels) / (np.bincount(data.train_labels) + np.bincount(data.test_labels))
    # A class has about 180 digits; rounding to whole digits moves its share by at most 1/174.
    assert np.abs(shares - 360 / 1797).max() <= 1 / 174


def test_digits_can_be_learned_by_a_linear_map():
    data = load_dataset(Task(name="digits"))
    inputs = np.c_[data.train_inputs * data.scale, np.ones(len(data.train_inputs))]
    weights = np.linalg.lstsq(inputs, data.train_desired, rcond=None)[0]
    answers = np.c_[data.test_inputs * data.scale, np.ones(len(data.test_inputs))] @ weights
    # Least squares gets about 93 % right; chance, as from shuffled labels, is 10 %.
    assert (answers.argmax(axis=1) == data.test_labels).mean() > 0.85


@pytest.mark.parametrize("name", ["digits", "student_teacher"])
def test_the_seed_alone_decides(name, assert_same):
    one, same, other = (load_dataset(Task(name=name, seed=seed)) for seed in (7, 7, 8))
    for array in ARRAYS:
        assert_same(getattr(one, array), getattr(same, array))
        assert not np.array_equal(getattr(one, array), getattr(other, array))


def test_any_whole_number_is_a_seed():
    load_dataset(Task(name="digits", seed=2**80))


@pytest.mark.parametrize("name", ["digits", "student_teacher"])
def test_fewer_samples_are_the_first_ones(name, assert_same):
    whole = load_dataset(Task(name=name))
    part = load_dataset(Task(name=name, train_samples=33, test_samples=5))
    for array in ARRAYS:
        n = 33 if array.startswith("train") else 5
        assert_same(getattr(part, array), getattr(whole, array)[:n])
    if whole.train_labels is not None:
        assert np.array_equal(part.train_labels, whole.train_labels[:33])


def test_more_samples_than_there_are_is_an_error():
    with pytest.raises(DataError) as caught:
        load_dataset(Task(name="digits", test_samples=361))
    assert (caught.value.expected, caught.value.got) == ("at most 360", "361")


def test_student_teacher_targets_are_standardised():
    data = load_dataset(Task(name="student_teacher"))
    assert data.train_inputs.shape == (5000, TEACHER_LAYERS[0])
    assert data.test_desired.shape == (1000, TEACHER_LAYERS[-1])
    assert np.abs(data.train_inputs).max() <= 1
    # Rounding of sums over 5000 numbers of order 1.
    assert np.abs(data.train_desired.mean(axis=0)).max() < 1e-12
    assert np.abs(data.train_desired.std(axis=0) - 1).max() < 1e-12
    # 1000 other samples: the standard error of a deviation is 1/√2000 = .022 for normal targets.
    assert np.abs(data.test_desired.std(axis=0) - 1).max() < 0.15
    assert data.train_labels is None
    assert data.n_classes is None


def test_the_teacher_is_the_papers():
    weights = draw_teacher(0)
    assert [w.shape for w in weights] == [(1000, 15), (1000, 1000), (1000, 1000), (1000, 1000), (5, 1000)]
    # Xavier: gain √(2/2000) = .0949; 10^6 draws know their deviation to .1 %, 5 standard errors allowed.
    assert weights[1].std() == pytest.approx(3 * np.sqrt(2 / 2000), rel=5e-3)
    # ReLU without biases is homogeneous of degree one: f(2x) = 2 f(x), exactly, since 2 is a power of two.
    inputs = np.random.default_rng(0).uniform(-1, 1, (3, 15))
    assert np.array_equal(ask_teacher(weights, 2 * inputs), 2 * ask_teacher(weights, inputs))


def test_one_hot():
    assert np.array_equal(one_hot(np.array([1, 0]), 3), [[0, 1, 0], [1, 0, 0]])
    with pytest.raises(DataError):
        one_hot(np.array([3]), 3)
    with pytest.raises(DataError):
        one_hot(np.array([-1]), 3)


_GOOD = {
    "name": "mine",
    "train_inputs": np.zeros((4, 3)),
    "train_desired": np.zeros((4, 2)),
    "test_inputs": np.zeros((2, 3)),
    "test_desired": np.zeros((2, 2)),
}
_LABELLED = {"train_labels": np.array([0, 1, 1, 0]), "test_labels": np.array([0, 1]), "n_classes": 2}
_BAD = {
    "NaN input": {"train_inputs": np.array([[0, 0, 0], [0, 0, np.nan], [0, 0, 0], [0, 0, 0]])},
    "infinite target": {"test_desired": np.full((2, 2), -np.inf)},
    "one dimension": {"train_inputs": np.zeros(4)},
    "three dimensions": {"train_inputs": np.zeros((4, 3, 1))},
    "no samples": {"test_inputs": np.zeros((0, 3)), "test_desired": np.zeros((0, 2))},
    "no inputs": {"train_inputs": np.zeros((4, 0)), "test_inputs": np.zeros((2, 0))},
    "a list": {"train_inputs": [[1, 2, 3]]},
    "objects": {"train_inputs": np.zeros((4, 3), object)},
    "float32": {"train_desired": np.zeros((4, 2), np.float32)},
    "fewer targets": {"train_desired": np.zeros((3, 2))},
    "other width in test": {"test_inputs": np.zeros((2, 4))},
    "other type in test": {"test_inputs": np.zeros((2, 3), np.uint8)},
    "other target width in test": {"test_desired": np.zeros((2, 3))},
    "scale zero": {"scale": 0.0},
    "scale NaN": {"scale": float("nan")},
    "classes without labels": {"n_classes": 2},
    "labels without classes": {**_LABELLED, "n_classes": None},
    "label out of range": {**_LABELLED, "n_classes": 1},
    "negative label": {**_LABELLED, "test_labels": np.array([0, -1])},
    "labels as fractions": {**_LABELLED, "test_labels": np.array([0.0, 1.0])},
    "too few labels": {**_LABELLED, "train_labels": np.array([0, 1])},
}


@pytest.mark.parametrize("change", _BAD.values(), ids=_BAD)
def test_what_makes_no_data_set_is_refused(change):
    with pytest.raises(DataError) as caught:
        Dataset(**{**_GOOD, **change})
    assert caught.value.where == "mine"
    assert caught.value.expected
    assert caught.value.got


def test_where_a_bad_number_stands_is_said():
    with pytest.raises(DataError, match="nan in row 1, column 2"):
        Dataset(**{**_GOOD, **_BAD["NaN input"]})


def test_own_data_make_a_data_set():
    data = Dataset(**_GOOD, **_LABELLED)
    assert attrs.evolve(data, scale=0.5).scale == 0.5
