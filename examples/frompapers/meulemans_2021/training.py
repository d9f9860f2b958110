"""Training that is kept after every pass and goes on where it was; knows no figure and no table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from common import Arrays, Part, continued, key_of
from numpy.typing import NDArray

from meulemans_2021.rules import rule_for
from meulemans_2021.settings import Setting
from neurosim.learning import method_of
from neurosim.learning.initial import initial_weights
from neurosim.learning.initial_feedback import initial_feedback
from neurosim.reference import Parameters, Stepper
from neurosim.reference.tensors import as_array, working_precision
from neurosim.reference.training import pretrain, train_epochs
from neurosim.spec import MethodSettings, Network, Optimizer, Task
from neurosim.spec.streams import stream

NIGHT_EPSILON = 1e-7
"""ε of Adam for Q. The authors' lie between 4e-8 and 6e-7; the updates are far larger."""
NIGHT_PRECISION = torch.float32
"""Enough where noise decides, and three times as fast."""
Measure = Callable[[Parameters], dict[str, Any]]
Tell = Callable[[str, int, int], None]


@attrs.frozen(kw_only=True, eq=False)
class Job:
    """One network that learns one task by one method."""

    label: str
    network: Network
    method: MethodSettings
    task: Task
    data: Part
    """What is learned from."""
    batch: int
    seed: int
    epochs: int
    dt: float
    steps: int
    """Of the simulation, where there is one."""
    measured: str = ""
    """A name for what `measure` does, with all that it depends on."""
    measure: Measure
    """Looked at before the first epoch and after each."""

    @staticmethod
    def of(
        setting: Setting,
        method: MethodSettings,
        data: Part,
        *,
        name: str,
        changed: Mapping[str, float | None],
        seed: int,
        measured: str,
        measure: Measure,
    ) -> Job:
        """Of a setting's task, network and times. changed : what differs in the method, by symbol, for the label."""
        words = [f"{symbol}={value:g}" for symbol, value in changed.items() if value is not None]
        return Job(
            label=" ".join([name, *words, f"seed {seed}"]),
            network=setting.network,
            method=method,
            task=setting.task,
            data=data,
            batch=setting.batch,
            seed=seed,
            epochs=setting.epochs,
            dt=setting.dt,
            steps=setting.steps,
            measured=measured,
            measure=measure,
        )

    def order(self, *names: str | int) -> NDArray[np.int64]:
        """A permutation of the samples."""
        return stream(self.seed, *names).permutation(len(self.data.inputs))

    @property
    def night(self) -> Optimizer:
        """That of Q, with a memory of its own."""
        return attrs.evolve(self.method.optimizer, epsilon=NIGHT_EPSILON)

    @property
    def facts(self) -> dict[str, Any]:
        """What the feedback before the first epoch depends on."""
        return {
            "network": repr(self.network),
            "sleep": repr(self.method.sleep),
            "optimizer": repr(self.night),
            "task": repr(self.task),
            "samples": len(self.data.inputs),
            "batch": self.batch,
            "seed": self.seed,
            "learned": method_of(self.method.name).sleeps,
            "feedback": repr(method_of(self.method.name).feedback),
            "start": (self.method.initial_feedback, self.method.initial_feedback_gain),
        }


def start(job: Job) -> Parameters:
    """Xavier-normal weights, biases 0; Q random where it is learned, else Π W_kᵀ (DFA: random)."""
    forward, biases = initial_weights(job.network, job.seed)
    feedback = initial_feedback(
        method_of(job.method.name), job.method, job.network, forward=forward, seed=job.seed
    )
    return Parameters.from_arrays(forward=forward, biases=biases, feedback=feedback)


def pretrained(job: Job, *, kept: Path, fresh: bool, tell: Tell) -> Parameters:
    """The start after the passes in which only the feedback learns; all rows that learn it share them."""
    if not method_of(job.method.name).sleeps:
        return start(job)
    total = job.method.sleep.pretraining_epochs

    def advance(state: Arrays) -> Arrays:
        number = int(state["advanced"])
        tell(f"{job.label}: feedback before training", number, total)
        stepper = Stepper(job.night)
        parameters = unpack(state)
        stepper.restore(_part(state, "night."), parameters)
        order = [job.order("pretraining_order", number)]
        passes = pretrain(
            job.network,
            parameters,
            job.method,
            job.data.inputs,
            order,
            batch=job.batch,
            stepper=stepper,
            seed=job.seed,
            first_epoch=number,
            dtype=NIGHT_PRECISION,
        )
        return {**pack(next(passes)), **_prefixed(stepper.state(), "night.")}

    key = key_of("feedback", **job.facts)
    state = continued(kept, key, begin=lambda: pack(start(job)), advance=advance, length=total, fresh=fresh)
    return unpack(state)


def train(job: Job, *, kept: Path, fresh: bool, tell: Tell) -> Arrays:
    """The history of a training, each entry (epochs + 1, …): what `measure` gave, loss, unsettled, seconds.

    Entry 0 was measured before the first epoch. Shorter where it diverged; "ended" is then true.
    """
    rule_name, rule = rule_for(job.network, job.method, dt=job.dt, steps=job.steps)
    # Newton's method does not come to rest in single precision.
    dtype = torch.float64 if rule_name == "settled" else torch.float32
    by_day = attrs.evolve(job.method, sleep=attrs.evolve(job.method.sleep, epochs=0))

    def begin() -> Arrays:
        parameters = pretrained(job, kept=kept, fresh=fresh, tell=tell)
        first = {"loss": np.nan, "unsettled": 0.0, "seconds": 0.0, **job.measure(parameters)}
        return {**pack(parameters), **{f"history.{name}": np.asarray(v)[None] for name, v in first.items()}}

    def advance(state: Arrays) -> Arrays:
        number = int(state["advanced"])
        tell(job.label, number, job.epochs)
        began, parameters = time.perf_counter(), unpack(state)
        order = job.order("order", number)
        day = Stepper(job.method.optimizer)
        with working_precision(dtype):
            day.restore(_part(state, "day."), parameters)
        epochs = train_epochs(
            job.network,
            parameters,
            by_day,
            job.data.inputs,
            job.data.desired,
            [order],
            loss=job.task.loss,
            batch=job.batch,
            stepper=day,
            rule=rule,
            seed=job.seed,
            first_epoch=number,
            dtype=dtype,
        )
        epoch = next(epochs)
        after, night = _nights(job, epoch.parameters, state, order, number)
        good = all(bool(torch.isfinite(x).all()) for x in (*after.forward, *after.biases, *after.feedback))
        seconds = time.perf_counter() - began
        entry = {"loss": epoch.loss, "unsettled": epoch.unsettled, "seconds": seconds}
        entry |= job.measure(after) if good else {}
        history = {
            name: np.concatenate([values, np.asarray(entry[name.removeprefix("history.")])[None]])
            for name, values in state.items()
            if name.removeprefix("history.") in entry
        }
        return {
            **pack(after),
            **_prefixed(day.state(), "day."),
            **night,
            **history,
            "ended": np.array(not good),
        }

    key = key_of("training", method=repr(job.method), rule=rule_name, measured=job.measured, **job.facts)
    state = continued(kept, key, begin=begin, advance=advance, length=job.epochs, fresh=fresh)
    found = {name.removeprefix("history."): v for name, v in state.items() if name.startswith("history.")}
    # What is kept can be longer than what is asked for.
    return {name: values[: job.epochs + 1] for name, values in found.items()} | {
        "ended": np.array(bool(state.get("ended", False)))
    }


def _nights(
    job: Job, parameters: Parameters, state: Arrays, order: NDArray[np.int64], number: int
) -> tuple[Parameters, Arrays]:
    """The passes of feedback learning after an epoch, and what their optimiser remembers."""
    sleep = job.method.sleep
    if not method_of(job.method.name).sleeps or sleep.epochs == 0:
        return parameters, {}
    asleep = attrs.evolve(
        job.method, sleep=attrs.evolve(sleep, pretraining_learning_rate=sleep.learning_rate)
    )
    stepper = Stepper(job.night)
    stepper.restore(_part(state, "night."), parameters)
    passes: Iterator[Parameters] = pretrain(
        job.network,
        parameters,
        asleep,
        job.data.inputs,
        [order] * sleep.epochs,
        batch=job.batch,
        stepper=stepper,
        seed=job.seed,
        first_epoch=1_000_000 + number * sleep.epochs,  # noise other than that before training
        dtype=NIGHT_PRECISION,
    )
    for now in passes:
        parameters = now
    return parameters, _prefixed(stepper.state(), "night.")


def pack(parameters: Parameters) -> Arrays:
    """As arrays with names."""
    groups = {"forward": parameters.forward, "biases": parameters.biases, "feedback": parameters.feedback}
    return {
        f"{kind}_{position}": as_array(values)
        for kind, group in groups.items()
        for position, values in enumerate(group, start=1)
    }


def unpack(state: Arrays) -> Parameters:
    """The parameters among the arrays."""

    def group(kind: str) -> list[Any]:
        count = sum(name.startswith(f"{kind}_") for name in state)
        return [state[f"{kind}_{position}"] for position in range(1, count + 1)]

    return Parameters.from_arrays(
        forward=group("forward"), biases=group("biases"), feedback=group("feedback")
    )


def _prefixed(arrays: Arrays, prefix: str) -> Arrays:
    return {prefix + name: values for name, values in arrays.items()}


def _part(arrays: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): v for name, v in arrays.items() if name.startswith(prefix)}
