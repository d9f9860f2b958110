"""A spec carried out from data to Result: emulation or reference, epochs, evaluation, verification."""

from neurosim.experiment.carried import Carried, carry_on
from neurosim.experiment.continued import spec_of
from neurosim.experiment.run import Finished, Watcher, run
from neurosim.experiment.starting import Start
from neurosim.experiment.verify import Verification, verify, verify_weights

__all__ = [
    "Carried",
    "Finished",
    "Start",
    "Verification",
    "Watcher",
    "carry_on",
    "run",
    "spec_of",
    "verify",
    "verify_weights",
]
