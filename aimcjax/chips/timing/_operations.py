"""What one operation of a machine takes: seconds and joules."""

import equinox as eqx

from ..._types import Scalar, physical
from ...units import nJ, ns


PUBLIC = "placeholder default of the public 3D-CiM-LLM-Inference-Simulator (Buechel, Nat. Comput. Sci. 5, 2025)"


class OperationCosts(eqx.Module):
    r"""Time and energy of each kind of operation, one vector at a time.

    A transformer's attention over a context of $c$ tokens takes $t_a + c\,t_c$ for one query, and
    $t_a + \tfrac{1}{2} S(S+1)\,t_c$ for the causal attention of $S$ queries done as one operation. Reading keys and
    values of `dim` bytes each from a memory of bandwidth $B$ is $t_c = 2\,dim/B$.

    **Reference:** the defaults are those of the public simulator, which are placeholders and no measurement.
    """

    mvm_time: Scalar = physical(100 * ns, unit="s", doc=PUBLIC + "; conversion included")
    mvm_energy: Scalar = physical(10 * nJ, unit="J", doc=PUBLIC + ": 0.1 W for 100 ns")
    convert_time: Scalar = physical(
        0.0, unit="s", doc="assumed part of the MVM; if positive, the converters of a tile are a resource of their own"
    )
    convert_energy: Scalar = physical(0.0, unit="J", doc="assumed part of the MVM")
    add_time: Scalar = physical(10 * ns, unit="s", doc=PUBLIC)
    add_energy: Scalar = physical(10 * nJ, unit="J", doc=PUBLIC)
    norm_time: Scalar = physical(50 * ns, unit="s", doc=PUBLIC)
    norm_energy: Scalar = physical(10 * nJ, unit="J", doc=PUBLIC)
    activation_time: Scalar = physical(1 * ns, unit="s", doc=PUBLIC + ", ReLU; 10 ns for GELU")
    activation_energy: Scalar = physical(10 * nJ, unit="J", doc=PUBLIC)
    route_time: Scalar = physical(10 * ns, unit="s", doc="assumed as long as sampling: the k largest of a router")
    route_energy: Scalar = physical(0.0, unit="J", doc="assumed as sampling")
    sample_time: Scalar = physical(10 * ns, unit="s", doc=PUBLIC)
    sample_energy: Scalar = physical(0.0, unit="J", doc=PUBLIC)
    link_time: Scalar = physical(10 * ns, unit="s", doc=PUBLIC)
    link_energy: Scalar = physical(0.04096 * nJ, unit="J", doc=PUBLIC + ": 10 fJ per bit, 512 columns of 8 bits")
    attention_time: Scalar = physical(2 * ns, unit="s", doc=PUBLIC + ": 1 ns of memory and 1 ns of work")
    attention_time_per_context: Scalar = physical(0.0, unit="s", doc="assumed constant, as the public default")
    attention_energy: Scalar = physical(2 * nJ, unit="J", doc=PUBLIC)
    attention_energy_per_context: Scalar = physical(0.0, unit="J", doc="assumed constant, as the public default")

    def host(self) -> dict[str, float]:
        """The leaves as Python numbers, `_time` in s and `_energy` in J."""
        return {name: float(value) for name, value in vars(self).items()}
