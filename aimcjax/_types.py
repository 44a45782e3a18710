"""The array vocabulary of the package, and the field type of physical quantities.

Dimension names: `rows` (inputs of a tile), `cols` (outputs of a tile), `grid_rows grid_cols`
(tiles of one matrix), `pair` (cells that hold one weight), `*cell` (any shape of cells).
"""

from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Key


if TYPE_CHECKING:
    Scalar = Any  # a field that is given a number and holds an array has two types; checkers know one
else:
    Scalar = Float[Array, ""]
Time = float | int | Float[Array, ""]
Conductance = Float[Array, "*cell"]
PRNGKey = Key[Array, ""]
AnyArray = Array | np.ndarray  # what users may hand in at the top


def _to_leaf(value: Any) -> Any:
    # A strongly typed array: a weakly typed default beside a strong value from a checkpoint would
    # be two compilations. Placeholders that transformations put into pytrees pass unchanged.
    if isinstance(value, (bool, int, float)):
        return jnp.asarray(value, dtype=float)
    if isinstance(value, str):
        raise ValueError(f"a quantity in code is a number in SI, such as 25 * uS, got the text {value!r}")
    if eqx.is_array_like(value):
        return lax.convert_element_type(jnp.asarray(value), jnp.asarray(value).dtype)
    return value


_REQUIRED: Any = object()


def physical(
    default: float | None = _REQUIRED,
    *,
    unit: str = "1",
    doc: str = "",
    above: float | None = None,
    at_most: float | None = None,
) -> Any:
    """A field that holds a physical quantity: an array leaf in SI units, so that it can be swept and
    differentiated without recompiling.

    **Arguments:** `default` in SI (or `None`, where the class says what that means); `unit`, the SI unit (a key of
    `aimcjax.units.UNITS`, or a compound such as "m/s"), which is what a YAML config must give; `doc`, where the
    default comes from; `above`, `at_most`, limits that a config is held to, where an equation would divide by zero.
    """
    metadata = {"unit": unit, "doc": doc, "above": above, "at_most": at_most}
    if default is _REQUIRED:
        return eqx.field(converter=_to_leaf, metadata=metadata)
    return eqx.field(default=default, converter=_to_leaf, metadata=metadata)


def strongly_typed(tree: Any) -> Any:
    """`tree` with every array strongly typed: a weakly typed `jnp.asarray(0.1)` in a model would compile it again."""
    return jax.tree.map(lambda leaf: lax.convert_element_type(leaf, leaf.dtype) if eqx.is_array(leaf) else leaf, tree)
