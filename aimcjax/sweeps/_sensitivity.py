"""Which physical parameter matters: the gradient of the expected loss by every one of them."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from .. import nn
from .._types import PRNGKey, strongly_typed
from ._summary import half_width


LONGEST = 16  # of vectors of coefficients; longer ones are tables or cells


class Sensitivity(NamedTuple):
    """One parameter: its `path` in the design, `value` and `unit`; `gradient` of the loss by it [1/unit], the mean over
    chips, with half of its 95 % interval, `ci95`; `effect`, of one percent of its value on the loss."""

    path: str
    value: float
    unit: str
    gradient: float
    ci95: float
    effect: float


def sensitivity(
    model: Any,
    xs: Shaped[Array, "n ..."],
    labels: Int[Array, "n ..."],
    *,
    loss: Callable[[Array, Array], Array],
    n_chips: int,
    t: float,
    key: PRNGKey,
) -> list[Sensitivity]:
    r"""The gradient of the expected loss by every physical parameter of the tiles, the strongest effect first.

    Pathwise: noise is a function of standard normal numbers and of the parameters, so that

    $$\nabla_\theta\, E[L] = E[\nabla_\theta L] \approx \frac1n \sum_c \nabla_\theta L(\theta, \epsilon_c)$$

    on the chips of `sweep` with the same key. Layers share their parameters: their gradients are added. Converters pass
    gradients as their surrogates do (`periphery`), and what only rounds or compares has none.

    **Arguments:** `model`, from `nn.convert`; samples `xs` and `labels`; `loss(logits, labels)`, smooth (accuracy is
    not); `n_chips`, two at least; `t` [s] after programming; `key`.

    **Reference:** Kingma & Welling, arXiv 1312.6114 (2014), sec. 2.4; Mohamed et al., JMLR 21:132 (2020), sec. 5.
    """
    if n_chips < 2:
        raise ValueError(f"an interval needs at least two chips, got n_chips={n_chips}")
    designs = {name: layer.design for name, layer in nn.analog_layers(model).items()}
    gradients = _gradients(loss, strongly_typed((model, jnp.asarray(xs), jnp.asarray(labels), jnp.asarray(t, float))),
                           jr.split(key, n_chips))  # fmt: skip
    total: dict[str, np.ndarray] = {}
    about: dict[str, tuple[float, str]] = {}
    for name, design in designs.items():
        for path, value, unit, slope in _physical("", design, gradients[name]):
            total[path] = total.get(path, 0.0) + np.asarray(slope, np.float64)
            about.setdefault(path, (value, unit))
    found = [
        Sensitivity(
            path,
            *about[path],
            float(np.mean(slopes)),
            float(half_width(slopes)),
            _effect(about[path][0], float(np.mean(slopes))),
        )  # fmt: skip
        for path, slopes in total.items()
    ]
    return sorted(found, key=lambda one: -abs(one.effect))


@eqx.filter_jit
def _gradients(loss: Callable[..., Array], arguments: tuple[Any, ...], keys: Array) -> dict[str, Any]:
    model, xs, labels, t = arguments
    designs = {name: layer.design for name, layer in nn.analog_layers(model).items()}
    slopes, rest = eqx.partition(designs, eqx.is_inexact_array)

    def of_chip(key: PRNGKey) -> Any:
        key_program, key_read = jr.split(key)

        def scored(slopes: Any) -> Array:
            put = eqx.combine(slopes, rest)
            change = lambda _, layer: dataclasses.replace(layer, design=put[layer.name])
            chip = nn.program(nn.map_layers(model, change, nn.is_analog), key=key_program)
            return loss(nn.apply(nn.at(chip, t=t), xs, key=key_read), labels)

        return jax.grad(scored)(slopes)

    return jax.lax.map(of_chip, keys)


def _physical(path: str, part: Any, slopes: Any) -> Iterator[tuple[str, float, str, Float[np.ndarray, " chips"]]]:
    """Every physical quantity of a design with its gradient, by path: scalars, and the entries of short vectors."""
    for field in dataclasses.fields(part):
        value, slope = getattr(part, field.name), getattr(slopes, field.name)
        below, unit = f"{path}.{field.name}" if path else field.name, field.metadata.get("unit", "1")
        if isinstance(value, eqx.Module):
            yield from _physical(below, value, slope)
        elif eqx.is_inexact_array(value) and value.ndim == 0:
            yield below, float(value), unit, slope
        elif eqx.is_inexact_array(value) and value.ndim == 1 and value.size <= LONGEST:
            for k, entry in enumerate(value):
                yield f"{below}.{k}", float(entry), unit, slope[:, k]


def _effect(value: float, slope: float) -> float:
    """Of one percent of `value`; a limit at infinity that nothing depends on has none."""
    return 0.01 * value * slope if slope else 0.0
