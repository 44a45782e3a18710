"""Which input matters: swings over a range of each, and elasticities."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..._types import Scalar
from ...components import suggest
from ._quantities import limits, quantities


class Bar(NamedTuple):
    """One input of a tornado: its path, unit and value; what it is varied to, `low` and `high`, and the result there;
    `swing`, the range of the results; `elasticity`, $d \\ln f / d \\ln x$ at the value (infinite results: NaN)."""

    name: str
    unit: str
    value: float
    low: float
    high: float
    at_low: float
    at_high: float
    swing: float
    elasticity: float


class Tornado(NamedTuple):
    """`result` at the values themselves, and `bars`, those with the largest swing first."""

    result: float
    bars: list[Bar]


def tornado(
    f: Callable[[Any], Scalar],
    inputs: Any,
    *,
    span: float = 0.3,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> Tornado:
    r"""Varies every input alone, the others as they are:

    $$\text{swing} = \max - \min \text{ of } f(x_{low}), f(x), f(x_{high}), \qquad
      \text{elasticity} = \frac{x}{f} \frac{\partial f}{\partial x}$$

    the first by two evaluations for each input, the second by one gradient for all.

    **Arguments:** `f`, a scalar of `inputs`: a module, or a `dict` of them, whose quantities are the inputs; `span`,
    the share by which they are varied, within their own limits; `ranges` by path (`"economics.pue"`), where they are
    known better.

    **Returns:** a `Tornado`, on the host.

    **Raises:** `ValueError` for a range of no input, or one that is empty or out of the limits.
    """
    found = list(quantities(inputs))
    names, fields = [name for name, _, _ in found], [field for _, field, _ in found]
    leaves, structure = jax.tree.flatten(inputs)
    if len(leaves) != len(found) or any(jnp.ndim(leaf) for leaf in leaves):
        raise ValueError("a tornado varies modules whose leaves are all scalar quantities; close over the others in f")
    if not 0.0 < span < 1.0:
        raise ValueError(f"span is a share between 0 and 1, got {span}; give ranges for more")
    x = jnp.stack([jnp.asarray(leaf) for leaf in leaves])
    of = jax.jit(lambda x: f(jax.tree.unflatten(structure, list(x))))
    low, high = _ranges(names, fields, np.asarray(x), span, dict(ranges or {}))
    varied = [
        jnp.where(jnp.eye(len(leaves), dtype=bool), jnp.asarray(to, x.dtype)[:, None], x[None]) for to in (low, high)
    ]
    at_low, at_high = np.asarray(jax.lax.map(of, jnp.concatenate(varied))).reshape(2, -1).astype(float)
    value, gradient = jax.value_and_grad(of)(x)
    result, values = float(value), np.asarray(x, float)
    elasticity = np.asarray(gradient, float) * values / result if np.isfinite(result) and result else values * np.nan
    with np.errstate(invalid="ignore"):  # infinite at both ends
        swing = np.maximum(np.maximum(at_low, at_high), result) - np.minimum(np.minimum(at_low, at_high), result)
    numbers = (values, low, high, at_low, at_high, np.where(np.isnan(swing), 0.0, swing), elasticity)
    rows = [
        Bar(name, field.metadata["unit"], *(float(number[k]) for number in numbers))
        for k, (name, field) in enumerate(zip(names, fields, strict=True))
    ]
    return Tornado(result, sorted(rows, key=lambda bar: -bar.swing))


def _ranges(names: list[str], fields: list[Any], x: np.ndarray, span: float, given: dict[str, Any]) -> Any:
    low, high = (1.0 - span) * x, (1.0 + span) * x
    for name in given:
        if name not in names:
            raise ValueError(f"a range for {name}, which is no input; {suggest(name, names)}")
    for k, (name, field) in enumerate(zip(names, fields, strict=True)):
        least, most = limits(field)
        if name in given:
            low[k], high[k] = given[name]
            if not least <= low[k] < high[k] <= most:
                raise ValueError(
                    f"the range of {name} goes up and lies within {least:g} to {most:g}, got {given[name]}"
                )
        else:
            low[k], high[k] = max(low[k], least), min(high[k], most)
    return low, high
