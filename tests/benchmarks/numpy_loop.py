"""The Euler step of the emulation as a plain numpy loop; knows nothing of Brian2 or of chips.

Matrices are (units, columns). Three ways of writing it:

plain    a loop over the layers; every step computes everything;
hoisted  what the emulation leaves out is left out: the first layer's input is constant, so its product runs
         once a presentation and its plasticity is one product with the summed post-synaptic term;
tuned    hoisted; the layers' states are stacked so that elementwise work is one call for all of them, scipy's
         dgemm accumulates the plasticity in place, and while the feedback is off nothing of it is computed
         (the emulation computes it).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dgemm

from neurosim.backend import Stimulus
from neurosim.emulate import Weights
from neurosim.spec import Protocol, Spec

Array = NDArray[np.float64]

VARIANTS = ("plain", "hoisted", "tuned")


class NumpyLoop:
    """tanh layers, linear output, softmax cross-entropy, PI controller, buffered updates."""

    def __init__(self, spec: Spec, weights: Weights, *, columns: int, variant: str) -> None:
        network, method = spec.network, spec.method
        if (network.hidden, network.output, spec.task.loss) != ("tanh", "linear", "softmax_cross_entropy"):
            raise ValueError("this loop is written for tanh, linear and softmax_cross_entropy only")
        self.method = method
        self.dt = spec.run.dt_ratio
        self.gain = spec.run.dt_ratio / network.tau_soma_ratio
        self.hoisted, self.tuned = variant != "plain", variant == "tuned"
        self.columns = columns
        self.forward = [w.copy() for w in weights.forward]
        self.biases = [b.copy()[:, None] for b in weights.biases]
        self.accumulated = [np.zeros_like(w) for w in self.forward]
        self.bias_accumulated = [np.zeros(len(w)) for w in self.forward]
        self._outer = [np.zeros_like(w) for w in self.forward]
        self._make_states(network.layers[1:], np.vstack(weights.feedback))

    def _make_states(self, sizes: tuple[int, ...], feedback: Array) -> None:
        """States of all layers in one array each, and views of it: by layer, and in blocks of one call."""
        edges = np.concatenate(([0], np.cumsum(sizes)))
        layers = [slice(a, b) for a, b in pairwise(edges)]
        blocks = [slice(0, edges[-1])] if self.tuned else layers
        hidden = [slice(0, edges[-2])] if self.tuned else layers[:-1]
        soma, rate, basal, apical, post, work = (np.zeros((edges[-1], self.columns)) for _ in range(6))
        self.soma, self.rate, self.basal, self.post = (
            [x[s] for s in layers] for x in (soma, rate, basal, post)
        )
        self._hidden = [tuple(x[s] for x in (soma, rate, basal, post)) for s in hidden]
        self._blocks = [tuple(x[s] for x in (soma, basal, apical, work)) for s in blocks]
        self._differences = [tuple(x[s] for x in (rate, post)) for s in blocks]
        self._feedback = [(np.ascontiguousarray(feedback[s]), apical[s]) for s in blocks]
        self._apical = apical
        outputs = (sizes[-1], self.columns)
        self.target, self.error, self.output, self.integrator, self._control_work = (
            np.zeros(outputs) for _ in range(5)
        )
        self._post_sum = np.zeros((sizes[0], self.columns))

    def run(self, stimulus: Stimulus, protocol: Protocol) -> None:
        """Show every presentation; the weights change after each."""
        for presentation in range(stimulus.n_presentations):
            inputs = np.ascontiguousarray(stimulus.shown(presentation).T)
            desired = stimulus.desired[stimulus.order[presentation]].T
            self.settle(inputs, protocol.settle_steps)
            self.engage(desired)
            for _ in range(protocol.learn_steps):
                self.learn_step(inputs)
            self.apply(inputs, protocol.learn_steps)

    def settle(self, inputs: Array, steps: int) -> None:
        """Begin a presentation and run with the feedback off."""
        self.integrator.fill(0.0)
        self.error.fill(0.0)
        self.output.fill(0.0)
        self._apical.fill(0.0)
        self._post_sum.fill(0.0)
        if self.hoisted:
            self._first_product(inputs)
        for _ in range(steps):
            self._rates()
            if not self.tuned:
                self._integrate_control()
                self._feedback_products()
            self._forward_products(inputs)
            if not self.tuned:
                self._compare()
            self._integrate()

    def engage(self, desired: Array) -> None:
        """Hold r⁻ and set the target r⁻ − λ ∂L/∂r."""
        self._rates()
        held = self.rate[-1]
        softmax = np.exp(held - held.max(axis=0))
        softmax /= softmax.sum(axis=0)
        self.target[:] = held - self.method.target_stepsize * (softmax - desired)

    def learn_step(self, inputs: Array) -> None:
        """One step with the controller on."""
        self._rates()
        np.subtract(self.target, self.rate[-1], out=self.error)
        self._integrate_control()
        self._feedback_products()
        self._forward_products(inputs)
        self._compare()
        self._integrate()
        self._accumulate(inputs)

    def apply(self, inputs: Array, learn_steps: int) -> None:
        """The buffered update."""
        if self.hoisted:
            np.dot(self._post_sum, inputs.T, out=self.accumulated[0])
            self.bias_accumulated[0][:] = self._post_sum.sum(axis=1)
        scale = self.method.learning_rate / (max(learn_steps, 1) * self.columns)
        for l, weights in enumerate(self.forward):
            weights += scale * self.accumulated[l]
            self.biases[l] += scale * self.bias_accumulated[l][:, None]
            self.accumulated[l].fill(0.0)
            self.bias_accumulated[l].fill(0.0)

    def _rates(self) -> None:
        for soma, rate, _, _ in self._hidden:
            np.tanh(soma, out=rate)
        np.copyto(self.rate[-1], self.soma[-1])

    def _integrate_control(self) -> None:
        """u = u_int + k_p e;  u_int += dt (e − α u_int)."""
        work = self._control_work
        np.multiply(self.error, self.method.proportional_gain, out=self.output)
        np.add(self.output, self.integrator, out=self.output)
        np.multiply(self.integrator, self.method.leak, out=work)
        np.subtract(self.error, work, out=work)
        np.multiply(work, self.dt, out=work)
        np.add(self.integrator, work, out=self.integrator)

    def _first_product(self, inputs: Array) -> None:
        np.dot(self.forward[0], inputs, out=self.basal[0])
        np.add(self.basal[0], self.biases[0], out=self.basal[0])

    def _forward_products(self, inputs: Array) -> None:
        if not self.hoisted:
            self._first_product(inputs)
        for l in range(1, len(self.forward)):
            np.dot(self.forward[l], self.rate[l - 1], out=self.basal[l])
            np.add(self.basal[l], self.biases[l], out=self.basal[l])

    def _feedback_products(self) -> None:
        for feedback, apical in self._feedback:
            np.dot(feedback, self.output, out=apical)

    def _compare(self) -> None:
        """post = φ(soma) − φ(basal)."""
        for _, _, basal, post in self._hidden:
            np.tanh(basal, out=post)
        np.copyto(self.post[-1], self.basal[-1])
        for rate, post in self._differences:
            np.subtract(rate, post, out=post)

    def _integrate(self) -> None:
        """soma += dt/τ (basal + apical − soma)."""
        for soma, basal, apical, work in self._blocks:
            np.add(basal, apical, out=work)
            np.subtract(work, soma, out=work)
            np.multiply(work, self.gain, out=work)
            np.add(soma, work, out=soma)

    def _accumulate(self, inputs: Array) -> None:
        """accumulated += post · preᵀ."""
        if self.hoisted:
            np.add(self._post_sum, self.post[0], out=self._post_sum)
        for l in range(1 if self.hoisted else 0, len(self.forward)):
            pre = inputs if l == 0 else self.rate[l - 1]
            if self.tuned:  # transposed views are what Fortran's dgemm writes without a copy
                target = self.accumulated[l].T
                dgemm(1.0, pre.T, self.post[l].T, beta=1.0, c=target, trans_a=True, overwrite_c=True)
            else:
                np.dot(self.post[l], pre.T, out=self._outer[l])
                np.add(self.accumulated[l], self._outer[l], out=self.accumulated[l])
            self.bias_accumulated[l] += self.post[l].sum(axis=1)
