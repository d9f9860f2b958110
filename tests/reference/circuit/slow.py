"""The circuits once more, written out method by method, one sample after the other, in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosim.spec import Deviations, Protocol
from tests.reference.circuit.cases import PAIRED, RELAXING, Case, ideal_chip

Array = np.ndarray
FUNCTIONS = {"tanh": np.tanh, "linear": lambda x: x, "sigmoid": lambda x: 1 / (1 + np.exp(-x))}
SLOPES = {
    "tanh": lambda x: 1 - np.tanh(x) ** 2,
    "linear": np.ones_like,
    "sigmoid": lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2,
}


class SlowSample:
    """One sample's presentation. Afterwards: populations (states after the last step), path (before each step),
    output, and the updates of this sample alone, without learning rate."""

    def __init__(
        self,
        case: Case,
        protocol: Protocol,
        sample: int,
        chip: Deviations | None,
        soma_noise: Any = None,
        population_noise: Any = None,
    ) -> None:
        self.case, self.protocol, self.name = case, protocol, case.settings.name
        self.chip = chip or ideal_chip(case)
        self.depth = case.network.depth
        self.x, self.y = case.inputs[sample].numpy(), case.desired[sample].numpy()
        p = case.parameters
        self.w = [None, *(g * w.numpy() for g, w in zip(self.chip.forward_gain, p.forward, strict=True))]
        self.b = [None, *(b.numpy() for b in p.biases)]
        # index 1 is the first feedback matrix
        self.m = [None, *(g * m.numpy() for g, m in zip(self.chip.feedback_gain, p.feedback, strict=True))]
        self.sigma = FUNCTIONS[case.network.hidden]
        self.soma_noise, self.population_noise = soma_noise, population_noise
        self._run(sample)

    def _run(self, sample: int) -> None:
        net, h = self.case.network, self.protocol.dt_ratio
        v = [None, *(np.zeros(n) for n in net.layers[1:])]
        basal = [None, *(np.zeros(n) for n in net.layers[1:])]
        s: dict[str, Array] = {name: np.zeros(len(d.leak)) for name, d in self.chip.populations.items()}
        self.output = np.zeros(net.layers[-1])
        self.path: list[dict[str, Array]] = []
        self.dw = [np.zeros_like(w) for w in self.w[1:]]
        self.db = [np.zeros_like(b) for b in self.b[1:]]
        self.d_omega = [np.zeros_like(m) for m in self.m[1:]]
        for k in range(self.protocol.period):
            slope, rate = [None], [self.x]
            for l in range(1, self.depth + 1):
                device = self.chip.layers[l - 1].slope
                slope.append(device * SLOPES[net.activations[l - 1]](device * v[l]))
                rate.append(FUNCTIONS[net.activations[l - 1]](device * v[l]))
            if k == self.protocol.settle_steps:
                self.hold, self.held = [x if x is None else x.copy() for x in v], rate[-1].copy()
                s = self._begin(s, v, slope[-1], rate[-1])
                self._balance(s, slope)
            self.path.append({**s, "output": self.output})
            after = dict(s)
            if k >= self.protocol.settle_steps:
                for name, (tau, drive, leak) in self._drives(s, slope).items():
                    if not self._open(name, k):
                        continue
                    own = self.chip.populations[name]
                    after[name] = s[name] + h / tau * (
                        own.gain * (drive + self.balance.get(name, 0.0))
                        - own.leak * leak * s[name]
                        + own.offset
                    )
                    if self.population_noise is not None:
                        kick = self.population_noise[k, sample][self._place(name)]
                        after[name] = after[name] + np.sqrt(h) * own.noise * kick
                    after[name] = np.clip(after[name], -own.limit, own.limit)
                self._learn(k, s, after, v, slope, rate)
            v, basal = self._step_layers(k, sample, v, basal, rate)
            s = after
        self.populations = s
        self.soma = v

    def _step_layers(
        self, k: int, sample: int, v: list, basal: list, rate: list
    ) -> tuple[list[Array | None], list[Array | None]]:
        net, h = self.case.network, self.protocol.dt_ratio
        new_v, new_basal, start = [None], [None], 0
        for l in range(1, self.depth + 1):
            own = self.chip.layers[l - 1]
            drive = self.w[l] @ rate[l - 1] + self.b[l]
            seen = basal[l] if net.tau_basal_ratio > 0 else drive
            step = h / net.tau_soma_ratio * (-own.leak * v[l] + own.basal_gain * seen + own.offset)
            new_v.append(v[l] + step)
            if self.soma_noise is not None:
                kick = self.soma_noise[k, sample, start : start + len(drive)]
                new_v[-1] = new_v[-1] + np.sqrt(h) * own.soma_noise * kick
            start += len(drive)
            new_basal.append(
                seen + h / net.tau_basal_ratio * (drive - seen) if net.tau_basal_ratio > 0 else drive
            )
        return new_v, new_basal

    def _begin(self, s: dict, v: list, slope: Array, rate: Array) -> dict[str, Array]:
        gradient = rate - self.y
        if self.case.loss == "softmax_cross_entropy":
            gradient = np.exp(rate) / np.exp(rate).sum() - self.y
        if self.name.startswith("DTP"):
            self.output = v[-1] - self.case.settings.target_stepsize * slope * gradient
            return {name: v[_layer(name)].copy() for name in s}
        self.output = slope * gradient
        return s

    def _balance(self, s: dict, slope: list) -> None:
        """What keeps a population where it starts, for those that have to stay there without a correction."""
        kinds = ("expected", "target") if self.name == "DTP-input" else ("expected",)
        self.balance: dict[str, Array] = {}
        for name, (_, drive, leak) in self._drives(s, slope).items():
            if name.split("_")[0] in kinds:
                own = self.chip.populations[name]
                self.balance[name] = (own.leak * leak * s[name] - own.offset) / own.gain - drive

    def _drives(self, s: dict, slope: list) -> dict[str, tuple[float, Array, float]]:
        """(τ, drive, leak) of every population."""
        if self.depth == 1:
            return {}
        if self.name in PAIRED:
            return self._pairs(s, slope)
        return self._chain(s) if self.name == "SLDI" else self._targets(s)

    def _pairs(self, s: dict, slope: list) -> dict[str, tuple[float, Array, float]]:
        tau_v, alpha, found = self.case.network.tau_soma_ratio, self.case.settings.leak, {}
        sizes = self.case.network.layers
        for l in range(self.depth, 1, -1):
            delta = self.output if l == self.depth else s[f"error_{l}"] * slope[l]
            x, u = s[f"error_{l - 1}"], s[f"control_{l}"]
            swap = self.case.settings.expanding_layers == "swapped" and sizes[l] > sizes[l - 1]
            x_side, u_side = ((1.0, alpha), (tau_v, 1.0)) if swap else ((tau_v, 1.0), (1.0, alpha))
            found[f"error_{l - 1}"] = (x_side[0], self.m[l - 1] @ u, x_side[1])
            found[f"control_{l}"] = (u_side[0], self.w[l] @ x - delta, u_side[1])
        return found

    def _chain(self, s: dict) -> dict[str, tuple[float, Array, float]]:
        tau_v, top = self.case.network.tau_soma_ratio, self.depth
        found = {"error_1": (tau_v, self.m[1] @ s[f"control_{top}"], 1.0)}
        for l in range(2, top):
            found[f"error_{l}"] = (tau_v, self.w[l] @ self.sigma(s[f"error_{l - 1}"]), 1.0)
        made = self.w[top] @ self.sigma(s[f"error_{top - 1}"])
        found[f"control_{top}"] = (1.0, made - self.output, self.case.settings.leak)
        return found

    def _targets(self, s: dict) -> dict[str, tuple[float, Array, float]]:
        tau_v, found = self.case.network.tau_soma_ratio, {}
        for l in range(self.depth, 1, -1):
            above = self.output if l == self.depth else s[f"target_{l}"]
            omega, expected = self.m[l - 1], s[f"expected_{l}"]
            if self.name in RELAXING:
                error = self.sigma(above) - self.sigma(expected)
                found[f"target_{l - 1}"] = (1.0, omega @ error, 0.0)
            else:
                found[f"correction_{l}"] = (1.0, above - expected, 0.0)
                found[f"target_{l - 1}"] = (tau_v, omega @ self.sigma(s[f"correction_{l}"]), 1.0)
            made = self.w[l] @ self.sigma(s[f"target_{l - 1}"]) + self.b[l]
            found[f"expected_{l}"] = (tau_v, made, 1.0)
        return found

    def _open(self, name: str, k: int) -> bool:
        if self.name != "DI":
            return True
        above = _layer(name) + (1 if name.startswith("error") else 0)
        part, parts = self.depth - above, self.depth - 1
        width = self.protocol.learn_steps // parts
        opens = self.protocol.settle_steps + part * width
        return opens <= k and (part == parts - 1 or k < opens + width)

    def _place(self, name: str) -> slice:
        """Where the noise of a population is."""
        start = 0
        for other, own in self.chip.populations.items():
            if other == name:
                return slice(start, start + len(own.leak))
            start += len(own.leak)
        raise KeyError(name)

    def _learn(self, k: int, s: dict, after: dict, v: list, slope: list, rate: list) -> None:
        last = k == self.protocol.settle_steps + self.protocol.learn_steps - 1
        for l in range(1, self.depth + 1):
            top = l == self.depth
            offset = 0.0 if self.chip.auto_zero else self.chip.layers[l - 1].comparator_offset
            norm = rate[l - 1] @ rate[l - 1] + 1.0
            if self.name == "DTP-online" and not top:
                post = (after[f"target_{l}"] - s[f"target_{l}"]) / norm
            elif not last:
                continue
            elif self.name in PAIRED:
                post = -(self.output if top else s[f"error_{l}"] * slope[l]) + offset
            elif self.name == "SLDI":
                post = -(self.output if top else s[f"error_{l}"]) + offset
            else:
                post = ((self.output if top else s[f"target_{l}"]) - v[l] + offset) / norm
                if self.name in ("DTP", "DTP-input"):
                    own = 0.0 if self.chip.auto_zero else self.chip.layers[-1].comparator_offset
                    highest = self.output - v[-1] + own
                    post = post * (highest @ highest) / ((post * norm) @ (post * norm))
            self.dw[l - 1] += np.outer(post, rate[l - 1])
            self.db[l - 1] += post
        if last and self.name.startswith("DTP"):
            for l in range(2, self.depth + 1):
                seen = self.sigma(v[l])
                error = v[l - 1] - self.m[l - 1] @ seen
                self.d_omega[l - 2] += np.outer(error, seen) / np.linalg.norm(seen)


def _layer(name: str) -> int:
    return int(name.split("_")[1])
