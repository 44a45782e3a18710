"""One converter for several columns, one after the other."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey
from ._adc import AbstractAdc
from ._checks import whole
from ._fabricate import AbstractWrapped, fabricate


class SharedAdc(AbstractAdc, AbstractWrapped):
    """Columns `k * cols_per_adc` and those after it, up to the next multiple, are converted by converter k: they have
    its mismatch in common, and its latency one after another (see `conversion_cost`).

    **Arguments:** `adc`, the converter; `cols_per_adc`, static. The last converter may have fewer columns.
    """

    adc: AbstractAdc
    cols_per_adc: int = whole(8)

    def __check_init__(self) -> None:
        if not isinstance(self.cols_per_adc, int) or self.cols_per_adc < 1:
            raise ValueError(f"cols_per_adc is a whole number from 1, got {self.cols_per_adc!r}")

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted."""
        turns = self.cols_per_adc
        keys = _random.split(key, turns)
        padded = jnp.pad(i, (0, -i.shape[0] % turns)).reshape(-1, turns)
        code = jax.vmap(lambda i, key: self.adc(i, key=key), in_axes=(1, 0), out_axes=1)(padded, keys)
        return code.reshape(-1)[: i.shape[0]]


@fabricate.register
def _(converter: SharedAdc, n: int, *, key: PRNGKey) -> Any:
    return fabricate(converter.adc, -(-n // converter.cols_per_adc), key=key)
