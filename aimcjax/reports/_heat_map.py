"""Weights of a tile as colours."""

from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes


def heat_map(axis: Axes, values: Float[np.ndarray, "rows cols"], title: str) -> Any:
    """Draws `values` with zero in the middle of the colours, and their deviation in the title."""
    limit = float(np.max(np.abs(values))) or 1.0
    image = axis.imshow(values, cmap="PuOr", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    axis.set_title(f"{title}: std {np.std(values):.3g}")
    axis.figure.colorbar(image, ax=axis, label="weight")
    return image
