"""Which methods learn their feedback from noise, when, and what neurons they need for it."""

from __future__ import annotations

import attrs
import pytest

from neurosim.errors import SpecError
from neurosim.learning import METHODS, LearnedDirect, Method, OpenLoop, method_of
from neurosim.learning.from_noise import check_learnable, learns_from_noise
from neurosim.learning.plasticity import Gradient
from neurosim.spec import MethodSettings, Network, Sleep, Spec, Task
from neurosim.spec.asleep import asleep

LEARNED = ("DFC", "DFC-SS", "DFC-SSA", "DFC-merged")
INSTANT = Network(layers=(4, 3, 2))
"""Apical compartments without a time constant."""
SLOW = attrs.evolve(INSTANT, tau_apical_ratio=0.3)


def test_three_methods_learn_asleep_and_one_always() -> None:
    """The decoders of target propagation are learned too, but not from noise."""
    assert [name for name, m in METHODS.items() if learns_from_noise(m, asleep=True)] == list(LEARNED)
    assert [name for name, m in METHODS.items() if learns_from_noise(m, asleep=False)] == ["DFC-merged"]


@pytest.mark.parametrize("awake", [False, True])
def test_when_is_up_to_the_feedback_whatever_else_the_method_is(awake: bool) -> None:
    method = Method(LearnedDirect(awake=awake), OpenLoop(), Gradient())
    assert learns_from_noise(method, asleep=True)
    assert learns_from_noise(method, asleep=False) == awake
    assert method.sleeps != awake


@pytest.mark.parametrize("name", LEARNED)
def test_neurons_with_a_slow_apical_compartment_can_learn(name: str) -> None:
    assert check_learnable(SLOW, MethodSettings(name=name)) is method_of(name).feedback


@pytest.mark.parametrize("network", [SLOW, INSTANT])
@pytest.mark.parametrize("name", [name for name in METHODS if name not in LEARNED])
def test_feedback_that_noise_cannot_teach_is_refused_first(name: str, network: Network) -> None:
    with pytest.raises(SpecError, match=f"{name} does not learn its feedback") as caught:
        check_learnable(network, MethodSettings(name=name))
    assert caught.value.where == "method.name"
    assert caught.value.expected == "one of " + ", ".join(LEARNED)


@pytest.mark.parametrize("name", LEARNED)
def test_instant_neurons_are_refused_and_the_remedies_work(name: str) -> None:
    """Sleep replaces the time constant; who learns awake gets no such advice."""
    method = MethodSettings(name=name, sleep=Sleep(tau_apical_ratio=0.25))
    with pytest.raises(SpecError, match="no time constant") as caught:
        check_learnable(INSTANT, method)
    assert caught.value.where == "network.tau_apical_ratio"
    assert "0.25" in caught.value.remedy
    check_learnable(attrs.evolve(INSTANT, tau_apical_ratio=0.25), method)
    assert ("asleep" in caught.value.remedy) == method_of(name).sleeps
    night = asleep(Spec(network=INSTANT, method=method, task=Task(name="student_teacher")))
    check_learnable(night.network, night.method)


def test_an_unknown_method_is_refused_as_everywhere() -> None:
    with pytest.raises(SpecError, match='unknown method "DFCC"'):
        check_learnable(SLOW, MethodSettings(name="DFCC"))
