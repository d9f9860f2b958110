"""Specs in and out, their phases in steps, and the chip that deviates in nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosim.errors import SpecError
from neurosim.spec import ACTIVATIONS, Deviations, Network, Protocol, Spec, read_spec, write_spec
from neurosim.spec.deviations import named
from neurosim.spec.reader import parse_spec

POSITIVE = st.floats(1e-3, 1e3)


@given(
    layers=st.lists(st.integers(1, 50), min_size=2, max_size=5),
    hidden=st.sampled_from(ACTIVATIONS),
    gain=POSITIVE,
    leak=st.floats(0, 10),
    updates=st.sampled_from(["buffered", "continuous"]),
    seed=st.integers(0, 2**31 - 1),
    chip=st.dictionaries(st.sampled_from(["seed", "noise"]), st.integers(0, 1)),
)
def test_what_is_written_is_read_back(
    layers: list[int],
    hidden: str,
    gain: float,
    leak: float,
    updates: str,
    seed: int,
    chip: dict[str, int],
) -> None:
    """Bit for bit: TOML keeps every digit of a double."""
    spec = parse_spec(
        {
            "network": {"layers": layers, "hidden": hidden, "initial_gain": gain},
            "method": {"leak": leak, "weight_updates": updates},
            "run": {"seed": seed},
            "chip": {"name": "ideal", **chip, "soma": {"capacitance": "2 pF"}},
        }
    )
    assert parse_spec(tomllib.loads(write_spec(spec))) == spec


def test_a_file_and_overrides(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_text("[network]\nlayers = [3, 2]\n")
    spec = read_spec(path, overrides=["run.batch=4", "network.hidden=linear", "method.leak = 0.5"])
    assert (spec.run.batch, spec.network.hidden, spec.method.leak) == (4, "linear", 0.5)
    assert spec.source == str(path)


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("run.bach=4", 'did you mean "batch"'),
        ("run.batch=0", "run.batch"),
        ("run.batch=true", "run.batch"),
        ("run.dt_ratio=nan", "run.dt_ratio"),
        ("run.dt_ratio=inf", "run.dt_ratio"),
        ("run.backend=cpu", "cpp, cuda, numpy"),
        ("network.layers=[3]", "network.layers"),
        ("network.layers=[3, 2.5]", "network.layers"),
        ("network.hidden=tan", 'did you mean "tanh"'),
        ("method.leak=-1", "method.leak"),
        ("nettwork.hidden=tanh", 'did you mean "network"'),
        ("batch=4", "table.key=value"),
        ("run.batch", "table.key=value"),
    ],
)
def test_wrong_overrides_are_named(tmp_path: Path, override: str, named: str) -> None:
    path = tmp_path / "spec.toml"
    path.write_text("[network]\nlayers = [3, 2]\n")
    with pytest.raises(SpecError) as caught:
        read_spec(path, overrides=[override])
    assert named in caught.value.report()


def test_phases_in_steps() -> None:
    protocol = parse_spec(
        {
            "network": {"layers": [2, 2]},
            "run": {"dt_ratio": 0.01, "settle_duration": 2.0, "learn_duration": 3.0},
        }
    ).run.protocol
    assert (protocol.settle_steps, protocol.learn_steps, protocol.period) == (200, 300, 500)
    assert Protocol(dt_ratio=0.1, settle_steps=5, learn_steps=0).period == 6


@pytest.mark.parametrize("sizes", [(4, 3), (5, 4, 6, 2)])
def test_the_ideal_chip_has_factors_one_and_offsets_zero(sizes: tuple[int, ...]) -> None:
    ideal = Deviations.ideal(Network(layers=sizes))
    for layer, n in zip(ideal.layers, sizes[1:], strict=True):
        assert layer.saturation == layer.limit == np.inf
        for name, values in named(layer).items():
            if name.endswith(("saturation", "limit")):
                assert values == np.inf
                continue
            wanted = 0.0 if "offset" in name or "noise" in name else 1.0
            np.testing.assert_array_equal(values, np.full(n, wanted))
    assert [gain.shape for gain in ideal.forward_gain] == list(zip(sizes[1:], sizes[:-1], strict=True))
    assert [gain.shape for gain in ideal.feedback_gain] == [(n, sizes[-1]) for n in sizes[1:]]
    assert all((gain == 1).all() for gain in (*ideal.forward_gain, *ideal.feedback_gain))
    assert ideal.controller.limit == np.inf
    assert not ideal.noisy
    assert not ideal.auto_zero


def test_specs_are_values() -> None:
    first, second = (parse_spec({"network": {"layers": [2, 3]}}, source=name) for name in "ab")
    assert first == second  # where a spec came from is no part of it
    assert isinstance(first, Spec)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        first.network.hidden = "tanh"
