"""What the three papers measure of a network that learns."""

from neurosim.reference.measures.angles import feedback_angles, layer_angles, sample_angles, vector_angles
from neurosim.reference.measures.conditions import condition_one, condition_three, condition_two
from neurosim.reference.measures.measure_all import measure_all, measure_units, own_terms
from neurosim.reference.measures.optima import (
    gauss_newton_terms,
    minimum_norm_terms,
    weighted_minimum_norm_terms,
)
from neurosim.reference.measures.reconstruction import reconstruction_errors
from neurosim.reference.measures.regression import normalised_error, squared_error, unexplained_variance
from neurosim.reference.measures.rivals import (
    backpropagation_terms,
    inverted_terms,
    linearised_terms,
    pseudo_backpropagation_terms,
)

__all__ = [
    "backpropagation_terms",
    "condition_one",
    "condition_three",
    "condition_two",
    "feedback_angles",
    "gauss_newton_terms",
    "inverted_terms",
    "layer_angles",
    "linearised_terms",
    "measure_all",
    "measure_units",
    "minimum_norm_terms",
    "normalised_error",
    "own_terms",
    "pseudo_backpropagation_terms",
    "reconstruction_errors",
    "sample_angles",
    "squared_error",
    "unexplained_variance",
    "vector_angles",
    "weighted_minimum_norm_terms",
]
