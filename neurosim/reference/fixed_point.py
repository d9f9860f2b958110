"""The steady state of network and controller, solved to rounding by Newton's method; knows no time step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from neurosim.reference.feedback_path import apical_slopes, resting_apicals
from neurosim.reference.feedforward import Activity, run_forward
from neurosim.reference.jacobians import output_sensitivity
from neurosim.reference.parameters import Parameters
from neurosim.reference.plant import Controller, Layer, assemble_controller, assemble_plant
from neurosim.reference.saturation import saturate
from neurosim.reference.tensors import shaped
from neurosim.reference.wiring import Wiring, assemble_feedback
from neurosim.spec.deviations import Deviations
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network

_HALVINGS = 12
"""After so many a sample counts as stuck. Chosen."""
_LEAST_DECREASE = 1e-4
"""Armijo's constant of the line search."""
_LARGEST_SURPRISE = 0.3
"""By how much, over the imbalance, a followed step may miss what the linearised loop foretells. Chosen."""
_LENGTHEN, _SHORTEN = 0.4, 4.0
"""Factors on the shift after a good and a bad step. Chosen."""


@attrs.frozen(kw_only=True, eq=False)
class SteadyState:
    """The root of the equations of the chip with the controller on; B samples, layers 1..L."""

    soma: tuple[Tensor, ...]
    """v_l, (B, n_l)."""
    rate: tuple[Tensor, ...]
    """r_l, (B, n_l)."""
    basal: tuple[Tensor, ...]
    """v_ff,l, (B, n_l)."""
    apical: tuple[Tensor, ...]
    """v_fb,l, (B, n_l)."""
    output: Tensor
    """u of the controller, (B, n_L)."""
    integrator: Tensor
    """u_int, (B, n_L)."""
    error: Tensor
    """e with its offset, (B, n_L)."""
    residual: Tensor
    """Largest violation of what the controller at rest asks of e (`Controller.demand`), or of the rails, (B,)."""
    iterations: int
    """Steps taken, those of Newton's method and those along the integrator, by the slowest sample."""
    converged: Tensor
    """Whether the residual fell below the tolerance, (B,) bool."""
    at_rail: Tensor
    """Which outputs are pinned at the largest they can be at rest, (B, n_L) bool."""

    @property
    def saturated(self) -> Tensor:
        """Which samples have an output pinned at a rail, (B,) bool."""
        return self.at_rail.any(1)


def solve_fixed_point(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    inputs: Any,
    target: Any,
    *,
    deviations: Deviations | None = None,
    tolerance: float = 1e-13,
    max_iterations: int = 100,
) -> SteadyState:
    """A nonlinear steady state of the closed loop, the one next to u = 0 for small λ.

    Unknown is u alone: given u the layers follow one after the other, and the controller at rest asks for
    e = h(u) between the rails, for e ≥ h(u) at u = limit, for e ≤ h(u) at u = −limit, where h(u) = α̃ u as long
    as the integrator is at no rail (`Controller.demand`). That is 0 = clip(e − h(u), −limit − u, limit − u),
    solved by a semismooth Newton method with backtracking, and where that gets stuck by following the
    integrator. A derivative path has no part in it.

    inputs (B, n_0), target r_L* (B, n_L); tolerance is absolute for targets up to 1 and relative above.
    max_iterations holds for each of the two ways. A sample that does not converge is marked, not raised.
    Far from small λ there can be several steady states, and a simulation may settle on another one.

    Raises
    ------
    DataError, SpecError : shapes that do not fit, or a method without a controller of the neurons.
    """
    plant = assemble_plant(network, parameters, deviations=deviations)
    controller = assemble_controller(network, method, deviations=deviations)
    rates = shaped(inputs, shape=(None, network.layers[0]), name="inputs")
    wanted = shaped(target, shape=(rates.shape[0], network.layers[-1]), name="target")
    wiring = assemble_feedback(network, parameters, method, deviations=deviations)
    loop = _Loop(plant=plant, wiring=wiring, controller=controller, inputs=rates, target=wanted)
    goal = tolerance * wanted.abs().amax(1).clamp(min=1.0)

    output, newton_steps = _solve_by_newton(loop, goal, max_iterations)
    output, later_steps = _follow_integrator(loop, output, goal, max_iterations)
    return _collect(loop, output, goal, newton_steps + later_steps)


@attrs.frozen(kw_only=True, eq=False)
class _Loop:
    """The closed loop as a function of what the controller asks for: u without its output stage's offset."""

    plant: Sequence[Layer]
    wiring: Wiring
    controller: Controller
    inputs: Tensor
    target: Tensor

    def respond(self, output: Tensor) -> tuple[Activity, Tensor]:
        """The layers at rest under it, and what is missing from e = h(u), (B, n_L)."""
        activity = run_forward(self.plant, self.inputs, apical=self.apicals(output))
        error = self.controller.error(self.target, activity.output)
        return activity, error - self.controller.demand(output)

    def apicals(self, output: Tensor) -> tuple[Tensor, ...]:
        """v_fb,l, (B, n_l) each."""
        return resting_apicals(self.plant, self.wiring, output + self.controller.output_offset)

    def violation(self, output: Tensor, imbalance: Tensor) -> Tensor:
        """clip(e − h(u), −limit − u, limit − u), (B, n_L): zero at the steady state, rails included."""
        reach = self.controller.reach
        return torch.minimum(torch.maximum(imbalance, -reach - output), reach - output)

    def clip(self, output: Tensor) -> Tensor:
        """Within what u can be at rest."""
        return torch.minimum(torch.maximum(output, -self.controller.reach), self.controller.reach)

    def unsolved(self, output: Tensor, imbalance: Tensor, goal: Tensor) -> Tensor:
        """Which samples violate by more than their goal, (B,)."""
        return ~(self.violation(output, imbalance).abs().amax(1) <= goal)

    def slope(self, output: Tensor, activity: Activity) -> Tensor:
        """−d(e − h(u))/du, (B, n_L, n_L)."""
        apicals = self.apicals(output)
        slopes = apical_slopes(self.plant, self.wiring, apicals)
        sensitivity = output_sensitivity(self.plant, slopes, activity, apicals)
        return sensitivity + torch.diag_embed(self.controller.demand_slope(output))


def _solve_by_newton(loop: _Loop, goal: Tensor, max_iterations: int) -> tuple[Tensor, int]:
    """From u = 0; samples that find no shorter violation along their direction are left unsolved."""
    output = torch.zeros_like(loop.target)
    stuck = torch.zeros(len(output), dtype=torch.bool)
    activity, imbalance = loop.respond(output)
    for iteration in range(max_iterations):
        active = ~stuck & loop.unsolved(output, imbalance, goal)
        if not active.any():
            return output, iteration
        violation = loop.violation(output, imbalance)
        # An output that presses on a rail goes to the rail, the others go where their imbalance is zero.
        direction = _solve(loop.slope(output, activity), violation, free=violation == imbalance)
        size = _step_size(loop, output, imbalance, direction, active)
        stuck |= active & (size == 0)
        output = output + size[:, None] * direction
        activity, imbalance = loop.respond(output)
    return output, max_iterations


def _follow_integrator(loop: _Loop, output: Tensor, goal: Tensor, max_iterations: int) -> tuple[Tensor, int]:
    """Unsolved samples start again from u = 0 along du/dt = e − h(u), in implicit steps of length 1/shift.

    A slow controller goes this way, and gets to a stable point through states that stop Newton's method.
    The steps grow while the linearised loop foretells them well.
    """
    unsolved = loop.unsolved(output, loop.respond(output)[1], goal)
    if not unsolved.any():
        return output, 0
    output = torch.where(unsolved[:, None], torch.zeros_like(output), output)
    activity, imbalance = loop.respond(output)
    shift = loop.slope(output, activity).abs().amax((1, 2))
    identity = torch.eye(output.shape[1], dtype=output.dtype)
    for iteration in range(max_iterations):
        active = loop.unsolved(output, imbalance, goal)
        if not active.any():
            return output, iteration
        slope = loop.slope(output, activity)
        shifted = slope + shift[:, None, None] * identity
        room = loop.controller.reach - output * imbalance.sign()  # to the rail that the output is pushed to
        free = imbalance.abs() < shifted.diagonal(dim1=1, dim2=2).abs() * room
        aim = torch.where(free, imbalance, room * imbalance.sign())
        trial = loop.clip(output + _solve(shifted, aim, free=free))
        _, missing = loop.respond(trial)
        foretold = imbalance - (slope @ (trial - output)[:, :, None])[:, :, 0]
        surprise = (missing - foretold).abs().amax(1) / imbalance.abs().amax(1)
        taken = active & (surprise < _LARGEST_SURPRISE)
        output = torch.where(taken[:, None], trial, output)
        activity, imbalance = loop.respond(output)
        shift = shift * torch.where(taken, _LENGTHEN, _SHORTEN)
    return output, max_iterations


def _solve(slope: Tensor, aim: Tensor, *, free: Tensor) -> Tensor:
    """d with slope·d = aim for the free outputs and d = aim for the others, (B, n_L)."""
    identity = torch.eye(aim.shape[1], dtype=aim.dtype)
    solution, singular = torch.linalg.solve_ex(
        torch.where(free[:, :, None], slope, identity), aim[:, :, None]
    )
    direction = solution[:, :, 0]
    usable = (singular == 0) & torch.isfinite(direction).all(1)
    return torch.where(usable[:, None], direction, aim)  # else the way the integrator itself would go


def _step_size(loop: _Loop, output: Tensor, imbalance: Tensor, direction: Tensor, active: Tensor) -> Tensor:
    """What part of its step each active sample takes, halved until it helps; 0 if it never does, (B,)."""
    before = torch.linalg.vector_norm(loop.violation(output, imbalance), dim=1)
    size = active.to(output.dtype)
    for _ in range(_HALVINGS):
        trial = output + size[:, None] * direction
        after = torch.linalg.vector_norm(loop.violation(trial, loop.respond(trial)[1]), dim=1)
        rejected = active & ~(after <= (1.0 - _LEAST_DECREASE * size) * before)
        if not rejected.any():
            return size
        size = torch.where(rejected, 0.5 * size, size)
    return torch.where(rejected, torch.zeros_like(size), size)


def _collect(loop: _Loop, output: Tensor, goal: Tensor, iterations: int) -> SteadyState:
    output = loop.clip(output)
    activity, imbalance = loop.respond(output)
    residual = loop.violation(output, imbalance).abs().amax(1)
    error = loop.controller.error(loop.target, activity.output)
    at_rail = (output.abs() == loop.controller.reach) & (imbalance * output.sign() > 0)
    return SteadyState(
        soma=activity.soma,
        rate=activity.rate,
        basal=activity.basal,
        output=output + loop.controller.output_offset,
        apical=loop.apicals(output),
        integrator=_resting_integrator(loop.controller, output, error=error, at_rail=at_rail),
        error=error,
        residual=residual,
        iterations=iterations,
        converged=residual <= goal,
        at_rail=at_rail,
    )


def _resting_integrator(controller: Controller, output: Tensor, *, error: Tensor, at_rail: Tensor) -> Tensor:
    """u_int where e − α u_int = 0 or at its rail, (B, n_L). For K_I = α = 0 it is wound up by any error."""
    leaking = controller.leak > 0
    given = controller.integral * saturate(error, controller.saturation)
    wound_up = torch.where(leaking, given / torch.where(leaking, controller.leak, 1.0), error / 0.0)
    # γ u/(γ K_I + α k_p) is γ e/α between the rails, and keeps its digits where e is small and α, too.
    gain = controller.integral * controller.integral_gain + controller.leak * controller.proportional_gain
    between = controller.integral * output / gain
    if math.isfinite(controller.saturation):  # e is large enough there to matter
        between = torch.where(leaking & (output.abs() > 0), wound_up, between)
    return controller.clip(torch.where(at_rail, wound_up, torch.where(output == 0, 0.0, between)))
