"""Published numbers of memories that several tests use."""

from hardware_models.memory.curve import Curve

HERMES_DRIFT = Curve(
    constant=-0.0182,
    log_slope=-0.0387,
    low=0.072,
    high=0.13,
    knee=0.0945,
    terms=(0.0736, -0.0126, -0.0436),
)
"""ν̄ of the HERMES chip, as in aihwkit: another form on either side of the knee."""
