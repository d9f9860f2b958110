"""Noise that is drawn beside the equations, 1/f, telegraph and white, as states and statements of a group; which noise
there is, it is told.

A 1/f noise is Σ_k a_k φ_k of relaxations, dφ_k = −φ_k dt/τ_k + √(2/τ_k) dB, stepped exactly: φ ← ρφ + √(1 − ρ²) z with
ρ = e^(−t/τ_k). A trap is up with the chance p + (x − p)ρ. Relaxations much slower than a step move in every fifth,
fiftieth or five hundredth alone, by the time that went by since, so that a step costs a normal or two however slow the
slowest, and are seen from the next move of the faster ones on, so that a step reads one sum of them all. They do not
move in the step that samples: what is held would always be fresher than what has followed it. White noise is drawn here
where several sources of it enter the same equation, of which only the sum matters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from brian2 import amp
from scipy.stats import norm

from hardware_models import Parameter
from hardware_models.noise import Relaxations
from hardware_models.traps import TrapDraw
from neurosim.equations.model import GatedCode, ModelParameter
from neurosim.equations.parameters import model_parameter
from neurosim.equations.sites import WHITE, normal, relaxation_site, trap_site

HOLDS = (1, 5, 50, 500)
"""Steps between two moves of a relaxation, the most that is a tenth of its time constant: of a spectrum made of one
relaxation a decade that takes 2 %, there where it is coarsest, at 1/hold. Chosen."""
NORMAL, NOW = "normal", "now"
"""What a relaxation starts as, and the clock of the slow ones."""
CLOCK = "advanced_"
"""The step in which the relaxations of a hold moved last; what they move by is counted from it."""
EVERY_STEP = "always"
"""Gate of what moves in every step."""
FLICKER, TRAP = "_flicker_current_", "_trap_current_"
"""In the names of the parameters that turn this noise up and down."""


@attrs.frozen(kw_only=True, eq=False)
class Term:
    """What wanders into one state of a group."""

    name: str
    """Of the state, as `relaxation_site` knows it; the current is called `<name>_wander`."""
    relaxations: Relaxations
    """A and s; may be none."""
    traps: TrapDraw | None
    step: float
    """s."""
    white: tuple[str, ...] = ()
    """Parameters of the group that its white noise depends on, whose strength the group says in `strength`; none: it
    has none here."""

    @property
    def strength(self) -> str:
        """Name of the root of the white noise's two-sided density."""
        return f"{self.name}_strength"

    @property
    def present(self) -> bool:
        """Whether there is anything."""
        return self.relaxations.taus.size > 0 or self.traps is not None or bool(self.white)

    @property
    def current(self) -> str:
        """What is added to the current into the state."""
        return f" + {self.name}_wander" if self.present else ""

    def phi(self, k: int) -> str:
        """Name of a relaxation."""
        return f"{self.name}_flicker_{k}"

    def of(self, hold: int) -> list[int]:
        """The relaxations that move every so many steps, the slowest first."""
        taus = self.relaxations.taus
        return [k for k, tau in enumerate(taus) if _hold(tau / self.step) == hold]

    @property
    def holds(self) -> list[int]:
        """Of those that do not move in every step."""
        return [hold for hold in HOLDS[1:] if self.of(hold)]

    def weighted(self, chosen: Sequence[int]) -> str:
        """Σ a_k φ_k of some relaxations."""
        return " + ".join(f"{self.name}{FLICKER}{k}*{self.phi(k)}" for k in chosen)


def _hold(steps: float) -> int:
    """Of a relaxation that lasts so many steps."""
    return max((hold for hold in HOLDS if steps >= 10 * hold * (1 - 1e-9)), default=HOLDS[0])


@attrs.frozen(kw_only=True, eq=False)
class Wander:
    """What a group needs for it."""

    equations: tuple[str, ...] = ()
    parameters: Mapping[str, ModelParameter] = attrs.field(factory=dict)
    code: tuple[GatedCode, ...] = ()
    starts: Mapping[str, str] = attrs.field(factory=dict)
    """See `Group.wander`."""
    idle: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    """See `Group.idle`."""
    terms: Mapping[str, Term] = attrs.field(factory=dict)

    def current(self, name: str) -> str:
        """What is added to the current into a state, " + …" or nothing."""
        return self.terms[name].current if name in self.terms else ""

    def white(self, name: str) -> tuple[str, ...]:
        """See `Term.white`."""
        return self.terms[name].white if name in self.terms else ()


def wander_of(group: str, terms: Sequence[Term]) -> Wander:
    """Equations, parameters and code of what wanders into the states of a group; nothing where there is none."""
    kept = [term for term in terms if term.present]
    if not kept:
        return Wander()
    holds = sorted({hold for term in kept for hold in term.holds})
    equations = [f"{name}{hold} : 1 (shared)" for hold in holds for name in (CLOCK, "elapsed_")]
    for term in kept:
        equations += [f"{term.name}_wander = {_sum(term)} : amp"]
        equations += [f"{_drift(term, hold)} : amp" for hold in term.holds]
        equations += [f"{state} : 1" for state in _starts(term)]
        if term.white:
            equations += [f"{term.strength} : amp*second**0.5", f"{term.name}_white : amp"]
    parameters = {name: p for term in kept for name, p in _parameters(term).items()}
    code = _code(group, kept)
    levels = tuple(name for name in parameters if FLICKER in name or TRAP in name)
    white = tuple(name for term in kept for name in term.white)
    return Wander(
        equations=tuple(equations),
        parameters=parameters,
        code=code,
        idle={item.name: levels + (white if item.gate == EVERY_STEP else ()) for item in code},
        starts={state: start for term in kept for state, start in _starts(term).items()}
        | {f"{CLOCK}{hold}": NOW for hold in holds},
        terms={term.name: term for term in kept},
    )


def _places(term: Term) -> range:
    return range(term.traps.capture.shape[1] if term.traps is not None else 0)


def _starts(term: Term) -> dict[str, str]:
    starts = {term.phi(k): NORMAL for k in range(term.relaxations.taus.size)}
    return starts | {f"{term.name}_trap_{j}": f"{term.name}_trap_chance_{j}" for j in _places(term)}


def _drift(term: Term, hold: int) -> str:
    """Name of the current of what moves every so many steps, and of what is slower."""
    return f"{term.name}_drift_{hold}"


def _sum(term: Term) -> str:
    """The current: what is held + Σ a_k φ_k of what moves in every step + Σ_j I_j (x_j − p_j) + white noise."""
    name = term.name
    parts = [_drift(term, hold) for hold in term.holds[:1]]
    parts += [term.weighted(term.of(1))] if term.of(1) else []
    parts += [f"{name}{TRAP}{j}*({name}_trap_{j} - {name}_trap_chance_{j})" for j in _places(term)]
    parts += [f"{name}_white"] if term.white else []
    return " + ".join(parts)


def _code(group: str, terms: Sequence[Term]) -> tuple[GatedCode, ...]:
    def code(what: str, lines: list[str], gate: str, order: int = -7) -> GatedCode:
        return GatedCode(
            name=f"{group}_{what}", group=group, code="\n".join(lines), gate=gate, slot="start", order=order
        )

    quick = [line for term in terms for line in _every_step(term)]
    codes = [code("flicker", quick, EVERY_STEP)] if quick else []
    for hold in sorted({hold for term in terms for hold in term.holds}):
        clock, elapsed = f"{CLOCK}{hold}", f"elapsed_{hold}"
        lines = [f"{elapsed} = t_in_timesteps - {clock}", f"{clock} = t_in_timesteps"]
        lines += [line for term in terms for line in _held(term, hold)]
        codes.append(code(f"drift_{hold}", lines, f"every_{hold}", -7 - HOLDS.index(hold)))  # the slow before
    return tuple(codes)


def _every_step(term: Term) -> list[str]:
    lines = []
    for k in term.of(1):
        x = term.step / float(term.relaxations.taus[k])
        kept, fresh = float(np.exp(-x)), float(np.sqrt(-np.expm1(-2 * x)))
        lines.append(f"{term.phi(k)} = {kept!r}*{term.phi(k)} + {fresh!r}*{_drawn(term, k)}")
    total = len(_places(term))
    site = trap_site(term.name)
    for j in _places(term):
        trap, up, stay = (f"{term.name}_trap_{x}{j}" for x in ("", "up_", "stay_"))
        # x is 0 or 1, and what is compared with a normal is where that has the chance to be below
        index = f"i*{total} + {j}"
        lines.append(f"{trap} = int({normal(site, index)} < {up} + {trap}*({stay} - {up}))")
    if term.white:
        lines.append(f"{term.name}_white = {term.strength}*{normal(WHITE)}/sqrt(dt)")
    return lines


def _held(term: Term, hold: int) -> list[str]:
    chosen, gone, lines = term.of(hold), f"elapsed_{hold}", []
    for k in chosen:
        x, phi = term.step / float(term.relaxations.taus[k]), term.phi(k)
        fresh = f"sqrt(-expm1(-{gone}*{2 * x!r}))"
        lines.append(f"{phi} = exp(-{gone}*{x!r})*{phi} + {fresh}*{_drawn(term, k)}")
    slower = [_drift(term, other) for other in term.holds if other > hold][:1]
    return (
        [*lines, f"{_drift(term, hold)} = {' + '.join([term.weighted(chosen), *slower])}"] if chosen else []
    )


def _drawn(term: Term, k: int) -> str:
    return normal(relaxation_site(term.name, term.relaxations.taus.size - 1 - k))


def _parameters(term: Term) -> dict[str, ModelParameter]:
    found = {}
    for k, (a, tau) in enumerate(zip(term.relaxations.amplitudes, term.relaxations.taus, strict=True)):
        meaning = f"σ of the part of 1/f noise that lasts {tau:.3g} s"
        found[f"{term.name}{FLICKER}{k}"] = model_parameter(Parameter(value=a * amp, meaning=meaning))
    traps = term.traps
    if traps is None:
        return found
    kept = np.exp(-term.step / traps.tau)
    up, stay = traps.chance * (1 - kept), traps.chance + (1 - traps.chance) * kept
    for j in _places(term):
        values = {
            f"{TRAP}{j}": (traps.current[:, j], "by which a trap steps the current"),
            f"_trap_chance_{j}": (traps.chance[:, j], "part of the time that it is up"),
            f"_trap_up_{j}": (norm.ppf(up[:, j]), "normal below which it comes up in a step"),
            f"_trap_stay_{j}": (norm.ppf(stay[:, j]), "normal below which it stays up"),
        }
        for name, (value, meaning) in values.items():
            found[f"{term.name}{name}"] = model_parameter(Parameter(value=value, meaning=meaning))
    return found
