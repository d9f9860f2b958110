"""A spec carried out from data to Result: emulation or reference, epochs, evaluation, verification."""

from neurosim.experiment.learners import ChipLearner
from neurosim.experiment.run import Finished, Watcher, run
from neurosim.experiment.verify import Verification, verify, verify_weights

__all__ = ["ChipLearner", "Finished", "Verification", "Watcher", "run", "verify", "verify_weights"]
