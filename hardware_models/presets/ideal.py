"""The chip without any imperfection: what the papers simulate, with volts and seconds attached."""

from hardware_models.chip import Chip

IDEAL = Chip(name="ideal")
