"""From a Model to something that runs; the only place that makes Brian2 objects."""

from neurosim.backend.build import build_emulator, compiler_available
from neurosim.backend.emulator import Emulator, Recording, Stop
from neurosim.backend.stimulus import Stimulus

__all__ = ["Emulator", "Recording", "Stimulus", "Stop", "build_emulator", "compiler_available"]
