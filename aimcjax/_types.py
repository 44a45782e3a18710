"""The array vocabulary of the package, and the field type of physical quantities.

Dimension names: `rows` (inputs of a tile), `cols` (outputs of a tile), `grid_rows grid_cols`
(tiles of one matrix), `pair` (cells that hold one weight), `*cell` (any shape of cells).
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key


Scalar = Float[Array, ""]
Time = float | int | Float[Array, ""]
Conductance = Float[Array, "*cell"]
PRNGKey = Key[Array, ""]


def _to_leaf(value: Any) -> Any:
    # A strongly typed array: a weakly typed default beside a strong value from a checkpoint would
    # be two compilations. Placeholders that transformations put into pytrees pass unchanged.
    if isinstance(value, (bool, int, float)):
        return jnp.asarray(value, dtype=float)
    return value


_REQUIRED: Any = object()


def physical(default: float | None = _REQUIRED, *, unit: str = "1", doc: str = "") -> Any:
    """A field that holds a physical quantity: an array leaf in SI units, so that it can be swept and
    differentiated without recompiling.

    **Arguments:** `default` in SI (or `None`, where the class says what that means); `unit`, the SI unit (a key of
    `aimcjax.units.UNITS`), which is what a YAML config must give; `doc`, where the default comes from.
    """
    metadata = {"unit": unit, "doc": doc}
    if default is _REQUIRED:
        return eqx.field(converter=_to_leaf, metadata=metadata)
    return eqx.field(default=default, converter=_to_leaf, metadata=metadata)
