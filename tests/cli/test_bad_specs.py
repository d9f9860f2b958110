"""Specs that cannot be read or are not allowed: each is refused with file, key, what was expected and got."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import SMALL, Cli, assert_refused

REAL = "chip.name=subthreshold_180nm"


def test_a_missing_file(cli: Cli, tmp_path: Path):
    assert_refused(cli("run", tmp_path / "no.toml"), "no.toml: no such file", "examples/specs")


def test_a_folder(cli: Cli, tmp_path: Path):
    assert_refused(cli("verify", tmp_path), f"{tmp_path}: cannot be read", "expected: a TOML file")


@pytest.mark.parametrize("content", [bytes(range(256)), b"\xff\xfe\x00\x01" * 999, b"\x89HDF\r\n\x1a\n"])
def test_binary_junk(cli: Cli, tmp_path: Path, content: bytes):
    (tmp_path / "a.toml").write_bytes(content)
    assert_refused(cli("run", tmp_path / "a.toml"), "a.toml: cannot be read", "UTF-8")


@pytest.mark.parametrize(
    "text",
    [
        "[network\n",
        "network",
        "[network]\nlayers = [1, 2\n",
        "[network]\nlayers = [1, 2]\nlayers = [1, 2]\n",
        "a = " + "[" * 5000,
        "a = " + "9" * 5000,
        "\0",
    ],
    ids=["table", "word", "list", "twice", "deep", "many digits", "zero byte"],
)
def test_broken_toml(cli: Cli, tmp_path: Path, text: str):
    (tmp_path / "a.toml").write_text(text)
    assert_refused(cli("equations", tmp_path / "a.toml"), "a.toml: is n")


def test_where_toml_is_broken_is_said(cli: Cli, tmp_path: Path):
    (tmp_path / "a.toml").write_text("[network]\nlayers == 3\n")
    assert_refused(cli("run", tmp_path / "a.toml"), "a.toml: is not TOML", "line 2")


def test_an_empty_file_and_one_without_layers(cli: Cli, tmp_path: Path):
    path = tmp_path / "a.toml"
    path.write_text("")
    assert_refused(cli("run", path), "has no table [network]", "remedy")
    path.write_text("[network]\n")
    assert_refused(cli("run", path), "[network] lacks layers")
    path.write_text("[[network]]\nlayers = [2, 2]\n")
    assert_refused(cli("run", path), "network is no table", "expected: [network]")


def test_a_mark_of_windows_editors_is_no_fault(cli: Cli, tmp_path: Path):
    (tmp_path / "a.toml").write_text(SMALL, encoding="utf-8-sig")
    assert cli("equations", tmp_path / "a.toml").status == 0


UNKNOWN = {
    "netwrok.layers=[2,2]": ('unknown table "netwrok"', 'did you mean "network"?'),
    "network.layer=[2,2]": ('unknown key "network.layer"', 'did you mean "layers"?'),
    "method.learnrate=1": ('unknown key "method.learnrate"', 'did you mean "learning_rate"?'),
    "run.zzz=1": ('unknown key "run.zzz"', "known: ", "settle_duration"),
    "task.sede=1": ('unknown key "task.sede"', 'did you mean "seed"?'),
    "chip.curent_unit=1 nA": ('unknown key "chip.curent_unit"', 'did you mean "current_unit"?'),
    "chip.soma.capacitence=1 pF": ("chip.soma.capacitence", 'did you mean "capacitance"?'),
    "chip.soma.coupling.pair.witdh=1 um": ("chip.soma.coupling.pair.witdh", 'did you mean "width"?'),
    "chip.soma.name=a": ("unknown key", "chip.soma.name"),
    'network."a\\nb\\nc\\nd\\ne\\nf"=1': ("unknown key",),
    "method.name=DFC-SST": ('unknown method "DFC-SST"', "method.name", "BP, FA", 'did you mean "DFC-SS'),
    "method.name=": ('unknown method ""', "method.name", "known: "),
    "chip.name=subthreshold": ("no such chip", "chip.name", 'did you mean "subthreshold_180nm"?'),
    "chip.name=[1]": ("no such chip", "chip.name"),
    "task.name=digts": ("unknown name", "task.name", 'did you mean "digits"?'),
    "task.name=[1]": ("unknown name", "task.name"),
    "task.loss=squared": ("task.loss", 'did you mean "squared_error"?'),
    "network.hidden=tan": ("network.hidden", "one of linear, sigmoid, softplus, tanh"),
    "network.output=relu": ("network.output", "got: 'relu'"),
    "network.initial_weights=xavier": ("network.initial_weights", "did you mean"),
    "run.backend=gpu": ("run.backend", "one of cpp, cuda, numpy"),
    "method.weight_updates=buffer": ("method.weight_updates", 'did you mean "buffered"?'),
    "method.name=dfc-ss": ("method.name", 'did you mean "DFC-SS"?'),
}


@pytest.mark.parametrize("change", UNKNOWN)
def test_unknown_names(cli: Cli, spec: Path, change: str):
    outcome = cli("run", spec, "--set", change)
    assert_refused(outcome, *UNKNOWN[change])
    assert str(spec) in outcome.err


def test_unknown_names_in_the_file_itself(cli: Cli, spec: Path):
    spec.write_text(SMALL + '[chip.soma]\ncapacitence = "1 pF"\n')
    assert_refused(cli("verify", spec), "chip.soma.capacitence", 'did you mean "capacitance"?')


def test_a_misspelt_chip_is_refused_for_methods_without_dynamics_too(cli: Cli, spec: Path):
    outcome = cli("run", spec, "--set", "method.name=BP", "--set", "chip.tim_base=1 ms")
    assert_refused(outcome, "chip.tim_base", 'did you mean "time_base"?')


NUMBERS = {
    "network.tau_soma_ratio": ("> 0", "0", "-0.2"),
    "network.tau_apical_ratio": (">= 0", "-1"),
    "network.initial_gain": ("> 0", "0"),
    "method.learning_rate": (">= 0", "-1e-9"),
    "method.proportional_gain": (">= 0", "-1"),
    "run.dt_ratio": ("> 0", "0", "-0.02"),
    "run.settle_duration": ("> 0", "0"),
}


@pytest.mark.parametrize("key", NUMBERS)
def test_bad_numbers(cli: Cli, spec: Path, key: str):
    bound, *beyond = NUMBERS[key]
    for value in (*beyond, "true", "nan", "inf", "-inf", '"0.1"', "abc", "[1]", "{a = 1}", "1" + "0" * 400):
        outcome = cli("equations", spec, "--set", f"{key}={value}")
        assert_refused(outcome, f"{spec}: {key}: bad value", f"expected: a number {bound}", "got: ")


WHOLE = {
    "run.batch": (1, 2**31),
    "run.epochs": (0, 2**31),
    "run.seed": (0, 2**63),
    "run.trace_steps": (1, 2**31),
    "run.verify_samples": (0, 2**31),
    "task.train_samples": (0, 2**31),
    "task.seed": (0, None),
}


@pytest.mark.parametrize("key", WHOLE)
def test_bad_whole_numbers(cli: Cli, spec: Path, key: str):
    least, beyond = WHOLE[key]
    values = [str(least - 1), "true", "1.0", "nan", '"3"', "[]"] + ([] if beyond is None else [str(beyond)])
    for value in values:
        outcome = cli("equations", spec, "--set", f"{key}={value}")
        assert_refused(outcome, f"{key}: bad value", f"a whole number >= {least}", "got: ")


@pytest.mark.parametrize("value", ["[]", "[64]", "64", '"64"', "true"])
def test_fewer_than_two_layers(cli: Cli, spec: Path, value: str):
    outcome = cli("run", spec, "--set", f"network.layers={value}")
    assert_refused(outcome, f"{spec}: network.layers", "at least two sizes, such as [64, 32, 10]")


@pytest.mark.parametrize("size", ["0", "-1", "true", "2.0", "nan", '"8"', "[8]", "4294967296"])
def test_layers_of_no_size(cli: Cli, spec: Path, size: str):
    outcome = cli("run", spec, "--set", f"network.layers=[64, {size}, 10]")
    assert_refused(outcome, f"{spec}: network.layers: layer 1 has no such size", "a whole number >= 1")


def test_a_network_that_does_not_fit_the_task(cli: Cli, spec: Path):
    for layers in ("[63, 10]", "[64, 5, 11]"):
        for command in ("run", "verify"):
            outcome = cli(command, spec, "--set", f"network.layers={layers}")
            assert_refused(outcome, "network.layers", "64 inputs and 10 outputs for digits", "got: [6")


def test_a_network_beyond_all_memory(cli: Cli, spec: Path):
    outcome = cli("run", spec, "--set", "network.layers=[64, 2000000000, 1000000000, 10]")
    assert_refused(outcome, "small.toml: not enough memory", "remedy")


def test_more_steps_than_can_be_counted(cli: Cli, spec: Path):
    for value in ("1e-12", "1e-300", "5e-324"):
        outcome = cli("run", spec, "--set", f"run.dt_ratio={value}")
        assert_refused(outcome, f"{spec}: run.dt_ratio: a presentation takes too many steps", "2^31")


CHIPS = {
    "chip.current_unit=10 nF": ("chip.current_unit", "a quantity in A", '"10 nF", which is in F'),
    "chip.time_base=10 nF": ("chip.time_base", "a quantity in s"),
    "chip.time_base=10": ("chip.time_base", "with a unit", "got: 10"),
    'chip.time_base="10"': ("chip.time_base", "a quantity in s", "no unit"),
    "chip.time_base=ms": ("chip.time_base", "a number with the unit s"),
    "chip.time_base=1 fortnight": ("chip.time_base", 'unit "fortnight" is unknown'),
    "chip.time_base=nan ms": ("chip.time_base", "a number with the unit s"),
    "chip.time_base=inf ms": ("chip.time_base", "a number with the unit s"),
    "chip.time_base=1e400 ms": ("chip.time_base",),
    "chip.time_base=1e308 ks": ("chip.time_base", "finite"),
    "chip.time_base=-1 ms": ("chip.time_base: bad value", "1 ps to 1e6 s", "chosen for"),
    "chip.time_base=0 s": ("chip.time_base: bad value", "1 ps to 1e6 s"),
    "chip.time_base=true": ("chip.time_base", "a string with a unit"),
    "chip.time_base=nan": ("chip.time_base", "a string with a unit"),
    "chip.noise=1": ("chip.noise", "true or false", "got: 1"),
    "chip.noise=yes": ("chip.noise", "true or false"),
    "chip.seed=-1": ("chip.seed", "0 to 9223372036854775807"),
    "chip.seed=true": ("chip.seed", "a whole number"),
    "chip.seed=1.5": ("chip.seed", "a whole number"),
    f"chip.seed={2**63}": ("chip.seed", "< 2^63"),
    "chip.soma=3": ("chip.soma", "a table [chip.soma]", "got: 3"),
    "chip.soma.capacitance=-1 pF": ("chip.soma.capacitance", "10 fF to 1 uF"),
    "chip.soma.capacitance=1 pA": ("chip.soma.capacitance", "a quantity in F"),
    "chip.soma.slope_spread=2": ("chip.soma.slope_spread", "0 to 0.3 (general knowledge", "got: 2"),
    "chip.soma.slope_spread=nan": ("chip.soma.slope_spread", "0 to 0.3"),
    "chip.process.n.kappa=0": ("chip.process.n.kappa", "0.5 to 0.95 (ngspice runs"),
    "chip.process.n.kappa=a": ("chip.process.n.kappa", "a number"),
    "chip.soma.coupling.pair.width=0 um": ("chip.soma.coupling.pair.width", "0.01 um to 1 mm"),
}


@pytest.mark.parametrize("change", CHIPS)
def test_bad_chips(cli: Cli, spec: Path, change: str):
    outcome = cli("run", spec, "--set", REAL, "--set", change)
    assert_refused(outcome, f"{spec}: chip.", *CHIPS[change])


@pytest.mark.parametrize(
    "changes",
    [
        ["chip.time_base=1 ns"],
        ["chip.time_base=1e4 s"],
        ["chip.controller.capacitance=1 uF"],
        ["chip.soma.capacitance=1 uF", "chip.mismatch=false"],
        ["chip.current_unit=100 uA", "network.tau_apical_ratio=0.1"],
    ],
)
def test_chips_biased_outside_their_range(cli: Cli, spec: Path, changes: list[str]):
    options = [part for change in (REAL, *changes) for part in ("--set", change)]
    outcome = cli("run", spec, *options)
    assert_refused(outcome, f"{spec}: chip.", "the chip cannot be biased", "expected: ", "remedy")
    assert "inversion" in outcome.err or "a bias of at least" in outcome.err


def test_the_ideal_chip_runs_at_any_speed(cli: Cli, spec: Path):
    assert cli("verify", spec, "--set", "chip.time_base=1 ns").status == 0


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["task.name=student_teacher", "task.loss=softmax_cross_entropy"], ("task.loss", "needs classes")),
        (["task.reconstruct=true", "task.loss=softmax_cross_entropy"], ("task.loss", "squared_error")),
        (
            ["method.weight_updates=continuous", "method.optimizer.name=adam"],
            ("method.weight_updates", "buffered", "adam"),
        ),
        (["method.sleep.noise=1e200"], ("method.sleep.noise", "1e+09")),
        (["method.sleep.noise=1e-200"], ("method.sleep.noise", "1e-09")),
        (["method.name=BP", "method.initial_feedback=output_identity"], ("method.initial_feedback", "BP")),
        (["method.name=DI", "method.initial_feedback=output_identity"], ("method.initial_feedback", "DFA")),
    ],
)
def test_what_does_not_go_together(cli: Cli, spec: Path, overrides: list[str], parts: tuple[str, ...]):
    options = [word for override in overrides for word in ("--set", override)]
    assert_refused(cli("run", spec, "--quiet", *options), str(spec), *parts)
