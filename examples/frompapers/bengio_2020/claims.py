"""The paper's claims beside what was measured, as rows of a table and as numbers; knows no figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from common import Arrays, spread, summary

from bengio_2020.branches import GAINS
from bengio_2020.first_order import CONDITIONS, DEPTHS, slope

FLOOR = 1e-11
"""Moves below it are rounding and say nothing of a rate."""


@attrs.frozen(kw_only=True, eq=False)
class Claim:
    """One row: what is claimed, and one measured value for each seed."""

    what: str
    paper: str
    values: Sequence[float]

    @property
    def row(self) -> tuple[str, str, str]:
        """For the printed table."""
        return self.what, self.paper, spread(self.values)

    @property
    def numbers(self) -> dict[str, Any]:
        """For results.json."""
        return {"paper": self.paper, **summary(self.values)}


def claims_of_iterations(contraction: Arrays, schedules: Arrays, corrections: Arrays) -> list[Claim]:
    """Sections 5, 6 and 9."""
    rows = []
    for side in ("input", "output"):
        pairs = list(zip(contraction[f"{side}_moves"], contraction[f"{side}_alpha"], strict=True))
        worst = [
            max(_worst_ratio(m, a) for m, a in zip(moves, alphas, strict=True)) for moves, alphas in pairs
        ]
        rows.append(Claim(what=f"{side} side: largest ‖ε_t‖/(α‖ε_(t−1)‖)", paper="≤ 1", values=worst))
    together, turns = schedules["together_steps"], schedules["in_turn_steps"]
    rows += [
        Claim(what="steps to 1e-6, all layers at once", paper="fewer", values=together.tolist()),
        Claim(what="steps to 1e-6, one layer after the other", paper="more", values=turns.tolist()),
    ]
    for name, words in (("none", "none"), ("one_shot", "one-shot"), ("converged", "converged")):
        paper = "0" if name == "converged" else "smaller" if name == "one_shot" else "> 0"
        rows.append(
            Claim(
                what=f"error of τ_1, correction {words}", paper=paper, values=corrections[name][:, 0].tolist()
            )
        )
    return rows


def claims_of_first_order(
    orders: Arrays, directions: Arrays, invariance: Arrays, parallel: Arrays
) -> list[Claim]:
    """Sections 3, 4, 8 and 10.4."""
    names = {
        "jacobian": "J_l(τ_l − h_l) = τ_L − h_L",
        "gauss_newton": "Gauss–Newton",
        "scaled": "scaled targets",
    }
    rows = [
        Claim(
            what=f"order in β of the error of {words}",
            paper="1",
            values=[slope(errors.max(axis=1)) for errors in orders[name]],
        )
        for name, words in names.items()
    ]
    ten, last, deepest = CONDITIONS.index(10.0), len(DEPTHS) - 1, DEPTHS[-1]
    dtp1 = parallel["dtp1"][:, last] / deepest
    return [
        *rows,
        Claim(what="cosine of Δh_L and τ_L − h_L, DTP1", paper="1", values=directions["dtp1"][:, 0].tolist()),
        Claim(what="cosine of Δh_L and τ_L − h_L, SGD", paper="< 1", values=directions["sgd"][:, 0].tolist()),
        Claim(what="Δh_L under A of condition 10, DTP1", paper="0", values=invariance["dtp1"][:, ten].tolist()),
        Claim(what="Δh_L under A of condition 10, SGD", paper="> 0", values=invariance["sgd"][:, ten].tolist()),
        Claim(what=f"steps of h_L, {deepest} layers, DTP1, over L", paper="1", values=dtp1.tolist()),
        Claim(
            what=f"steps of h_L, {deepest} layers, DTP, over Σ s_l",
            paper="1",
            values=(parallel["dtp"][:, last] / parallel["scales"][:, last]).tolist(),
        ),
    ]  # fmt: skip


def claims_of_branches(branches: Arrays) -> list[Claim]:
    """Section 10.3, with two branches of equal gain."""
    equal = int(np.argmin(np.abs(np.log(GAINS))))
    return [
        Claim(what="skip: steps of h_D, only B moves", paper="1", values=branches["alone_move"][:, equal].tolist()),
        Claim(what="skip: steps of h_D, B and C the same", paper="1", values=branches["same_move"][:, equal].tolist()),
        Claim(what="skip: steps of h_D, B and C differ", paper="1", values=branches["other_move"][:, equal].tolist()),
    ]  # fmt: skip


def claims_of_online(chips: Mapping[str, Arrays]) -> list[Claim]:
    """Section 7."""
    rows = []
    for name, data in chips.items():
        by_input = data["chip_input_error"][:, -1].max(axis=1)
        last = data["chip_update"][:, -1].max(axis=1)
        rows += [
            Claim(what=f"{name}: targets at the end, input side, error", paper="0", values=by_input.tolist()),
            Claim(what=f"{name}: ΔW at the end, error", paper="0", values=last.tolist()),
            Claim(what=f"{name}: ΔW with τ_L = h_L, over ΔW", paper="0", values=data["forward_update"].tolist()),
            Claim(what=f"{name}: chip and torch differ by", paper="–", values=data["difference"].tolist()),
        ]  # fmt: skip
    return rows


def claims_of_learning(runs: Mapping[str, Arrays]) -> list[Claim]:
    """The paper has no experiment."""
    return [
        Claim(what=f"digits, test accuracy: {name}", paper="–", values=data["accuracy"][:, -1].tolist())
        for name, data in runs.items()
    ]


def _worst_ratio(moves: np.ndarray, alpha: float) -> float:
    seen = moves[1:] > FLOOR
    return float((moves[1:][seen] / moves[:-1][seen]).max() / alpha)
