"""What the synapses make of a circuit at rest; knows no time. Updates are means without the learning rate."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from neurosim.errors import SpecError
from neurosim.learning.feedback import Decoders
from neurosim.reference.circuit.assembly import assemble_circuit
from neurosim.reference.circuit.decoders import decoder_change
from neurosim.reference.circuit.plasticity import settled_terms
from neurosim.reference.circuit.solve import CircuitSteadyState
from neurosim.reference.parameters import Parameters
from neurosim.reference.tensors import shaped
from neurosim.reference.updates import Updates
from neurosim.spec.deviations import Deviations
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network


def circuit_update(
    network: Network,
    parameters: Parameters,
    settings: MethodSettings,
    inputs: Any,
    steady: CircuitSteadyState,
    *,
    deviations: Deviations | None = None,
) -> Updates:
    """ΔW_l = ⟨post_l r_{l−1}ᵀ⟩ with post as the last step of a settled presentation has it.

    inputs : r_0, (B, n_0), those of `steady`, of which every sample should have converged.

    Raises
    ------
    SpecError, DataError : what does not fit.
    """
    assembled = assemble_circuit(network, parameters, settings, deviations=deviations)
    rates = shaped(inputs, shape=(len(steady.output), network.layers[0]), name="inputs")
    pre = (rates, *steady.rate[:-1])
    return Updates.from_terms(settled_terms(assembled, steady.state, pre), pre=pre)


def circuit_decoder_update(
    network: Network,
    parameters: Parameters,
    settings: MethodSettings,
    steady: CircuitSteadyState,
    *,
    deviations: Deviations | None = None,
) -> tuple[Tensor, ...]:
    """ΔΩ_l of l = 2..L with the layers at rest; SpecError if the feedback has no decoders."""
    assembled = assemble_circuit(network, parameters, settings, deviations=deviations)
    if not isinstance(assembled.method.feedback, Decoders):
        raise SpecError(
            f"{settings.name} has no decoders", where="method.name", expected="DTP or another with decoders"
        )
    return decoder_change(assembled, steady.soma)
