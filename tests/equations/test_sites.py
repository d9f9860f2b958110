"""Every place where noise enters a group has random numbers of its own."""

from __future__ import annotations

import re

import pytest

from neurosim.emulate import design_of
from neurosim.equations import assemble
from neurosim.equations.model import Model
from neurosim.equations.sites import SITES
from neurosim.spec import asleep
from tests.systems.nets import spec_of

TRAPS = {"density": "2e-4 um^-2", "fastest": "0.1 ms", "slowest": "10 ms"}
DRAWN = re.compile(r"standard_normal\(noise_key, (\d+), t_in_timesteps, (.+?)\)")
XI = re.compile(r"\bxi_\w+")


def drawn(model: Model, group: str) -> list[tuple[int, str]]:
    """Site and index of each draw in a step of a group."""
    texts = [code.code for code in model.code if code.group == group]
    found = [(int(site), index) for text in texts for site, index in DRAWN.findall(text)]
    return found + [(SITES[name], "i") for name in XI.findall(model.group(group).equations)]


NO_TAUS, TAUS = (0.0, 0.0), (0.1, 0.15)


@pytest.mark.parametrize("chip", ["subthreshold_180nm", "pcm_crossbar"])
@pytest.mark.parametrize(
    ("method", "ratios", "sleeps"),
    [
        *(("DFC", ratios, sleeps) for ratios in (NO_TAUS, TAUS) for sleeps in (False, True)),
        ("DI", NO_TAUS, False),
    ],
)
def test_no_two_draws_of_a_group_are_the_same(
    method: str, ratios: tuple[float, float], sleeps: bool, chip: str
) -> None:
    network = dict(zip(("tau_basal_ratio", "tau_apical_ratio"), ratios, strict=True))
    table = {"name": chip, "noise": True, "process": {"traps": TRAPS}}
    spec = spec_of([6, 5, 4, 3], network=network, method={"name": method}, chip=table)
    model = assemble(design_of(asleep(spec) if sleeps else spec, sleeps=sleeps))
    counts = {group.name: drawn(model, group.name) for group in model.groups}
    for name, sites in counts.items():
        assert len(sites) == len(set(sites)), name
        for site, index in sites:  # what goes by other indices than units and columns has a site to itself
            assert index == "i" or all(other != "i" for each, other in sites if each == site), name
    assert len(counts["layer_1"]) > 10
