"""Training with the methods that need no dynamics, and with the steady states of those that do."""

from neurosim.reference.training.epochs import descend, pretrain, train_epochs
from neurosim.reference.training.evaluate import evaluate
from neurosim.reference.training.lesson import Epoch
from neurosim.reference.training.rules import Rule, has_rule, rule_of, teach, update_of
from neurosim.reference.training.settled import settled_rule
from neurosim.reference.training.shown import Shown
from neurosim.reference.training.targets import IterateTargets, autoencoders_of, forward_pass_of
from neurosim.reference.training.terms import Taught, Terms

__all__ = [
    "Epoch",
    "IterateTargets",
    "Rule",
    "Shown",
    "Taught",
    "Terms",
    "autoencoders_of",
    "descend",
    "evaluate",
    "forward_pass_of",
    "has_rule",
    "pretrain",
    "rule_of",
    "settled_rule",
    "teach",
    "train_epochs",
    "update_of",
]
