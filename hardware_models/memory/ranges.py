"""Whether the ranges of a memory's numbers fit each other; knows no memory."""

from __future__ import annotations

from brian2 import Quantity

from hardware_models.quantity import QuantityError


def conductances_in_order(g_min: Quantity, g_max: Quantity, g_fit: Quantity) -> None:
    """g_min < g_max ≤ g_fit; QuantityError else."""
    if not float(g_min) < float(g_max):
        raise QuantityError(f"g_min below g_max, {g_max}", str(g_min), "g_min")
    if float(g_max) > float(g_fit) * (1 + 1e-12):
        raise QuantityError(
            f"g_max at most g_fit, {g_fit}, beyond which nothing was measured", str(g_max), "g_max"
        )


def not_beyond(time: float, last: Quantity) -> None:
    """A time in s, up to the last measurement."""
    if time > float(last) * (1 + 1e-12):
        raise QuantityError(f"time at most {last}, the last that was measured", f"{time:g} s", "time")
