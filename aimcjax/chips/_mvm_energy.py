"""A law for the energy of a measured macro against the bits of its inputs and outputs."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import nnls

from .._types import Scalar, physical


class MvmEnergy(eqx.Module):
    r"""Energy of an operation of a macro that takes signed inputs bit by bit and counts its outputs:

    $$E = a + b\,\max(B_{in} - 1, 1) + c\,2^{B_{out}}$$

    an input of B bits takes B - 1 pulse phases, and one where it is only a sign; a counter takes a step for each level.

    **Arguments:** `base` (a), `per_phase` (b), `per_step` (c) [J].

    **Reference:** the input phases of NeuRRAM (Wan et al., Nature 608:504, 2022); the law itself is assumed.
    """

    base: Scalar = physical(unit="J", doc="fitted")
    per_phase: Scalar = physical(unit="J", doc="fitted")
    per_step: Scalar = physical(unit="J", doc="fitted")

    def __call__(self, bits_in: Float[Array, "..."], bits_out: Float[Array, "..."]) -> Float[Array, "..."]:
        """Energy [J] for inputs and outputs of so many bits."""
        return self.base + self.per_phase * jnp.maximum(bits_in - 1.0, 1.0) + self.per_step * 2.0**bits_out


def fit_mvm_energy(
    bits_in: Float[np.ndarray, " points"], bits_out: Float[np.ndarray, " points"], energy: Float[np.ndarray, " points"]
) -> MvmEnergy:
    """The law with the least relative error at the given points, `energy` [J] of an operation at `bits_in` and
    `bits_out`, none of its parts negative.

    **Raises:** `ValueError` for fewer than three points, or energies that are not positive.
    """
    if len(energy) < 3 or np.any(np.asarray(energy) <= 0):
        raise ValueError(f"a fit needs three or more positive energies, got {list(energy)}")
    phases = np.maximum(np.asarray(bits_in) - 1.0, 1.0)
    terms = np.stack([np.ones(len(phases)), phases, 2.0 ** np.asarray(bits_out)], axis=1)
    factors, _ = nnls(terms / np.asarray(energy)[:, None], np.ones(len(phases)))
    return MvmEnergy(*(float(factor) for factor in factors))
