"""Measurements of the emulation's speed; run by hand, never a gate of the tests."""
