"""A slow statement of a tile in float64 NumPy, written from the equations and not from the code."""

import numpy as np


def quantize(z: np.ndarray, bound: float, bits: float) -> np.ndarray:
    step = 2 * bound / (2**bits - 2)
    return np.clip(step * np.rint(z / step), -bound, bound)


def tile(
    w: np.ndarray, x: np.ndarray, *, g_min: float, g_max: float, v_max: float, i_max: float, dac: float, adc: float
):
    """An ideal device between quantising converters: `y ~ x @ w`, column by column, cell by cell."""
    n_rows, n_cols = w.shape
    v = quantize(v_max * x, v_max, dac)
    y = np.zeros(n_cols)
    for c in range(n_cols):
        w_max = np.max(np.abs(w[:, c])) or 1.0
        current = 0.0
        for r in range(n_rows):
            plus = g_min + (g_max - g_min) * max(w[r, c] / w_max, 0.0)
            minus = g_min + (g_max - g_min) * max(-w[r, c] / w_max, 0.0)
            current += v[r] * plus - v[r] * minus
        y[c] = quantize(np.asarray(current), i_max, adc) * w_max / (g_max - g_min) / v_max
    return y
