"""A few numbers that say what a device is like, from a sample of its cells."""

import jax.numpy as jnp

from .. import _random
from .._types import PRNGKey
from ..units import day
from ._base import AbstractDevice


def statistics(device: AbstractDevice, *, key: PRNGKey, n: int = 2000) -> dict[str, float]:
    r"""What `n` cells programmed to the middle of the range do, with $g_T = (g_{min} + g_{max}) / 2$.

    **Returns:** `g_min`, `g_max` [S]; `programming_error`, root mean square of $(g_p - g_T) / g_T$; `drift_factor`,
    $\langle g(1\,day)\rangle / \langle g_p\rangle$; `drift_spread`, deviation of $g(1\,day) - g_p$ relative to
    $\langle g_p\rangle$; `read_noise`, root mean square deviation of a read at time 0, relative to `g_max`. A
    bistable cell is as far from the middle as its two states are.

    **Raises:** `ValueError` for fewer than two cells.
    """
    if n < 2:
        raise ValueError(f"a spread needs at least 2 cells, got n={n}; 2000 give it to 2 %")
    g_target = jnp.broadcast_to(0.5 * (device.g_min + device.g_max), (n,))
    cells = device.program(g_target, key=_random.key_for(key, "statistics"))
    later, mean = device.drift(cells, 1 * day), jnp.mean(cells.g)
    std = device.read_std(cells, 0.0)
    numbers = {
        "g_min": device.g_min,
        "g_max": device.g_max,
        "programming_error": jnp.sqrt(jnp.mean((cells.g / g_target - 1) ** 2)),
        "drift_factor": jnp.mean(later) / mean,
        "drift_spread": jnp.std((later - cells.g) / mean),
        "read_noise": 0.0 if std is None else jnp.sqrt(jnp.mean((std / device.g_max) ** 2)),
    }
    return {name: float(value) for name, value in numbers.items()}
