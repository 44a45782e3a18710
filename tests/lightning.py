"""A layer of hardware-aware training in float64 NumPy: forward and backward as AIHWKit-Lightning documents them, made
from the equations and not from the code."""

import dataclasses

import numpy as np


@dataclasses.dataclass
class Layer:
    """`w[n_out, n_in]` on tiles that hold the inputs `parts`, `[start, stop)` each, with an input range `beta` each;
    `dac_bits`; `adc` is its bits and its bound in units of `beta` times the largest weight of an output (`per`
    "column") or of the tile; `limit` and `limit_bits` of learned weight ranges."""

    w: np.ndarray
    bias: np.ndarray
    parts: list[tuple[int, int]]
    beta: np.ndarray
    dac_bits: float = 8
    adc: tuple[float, float] | None = None
    per: str = "column"
    limit: np.ndarray | None = None
    limit_bits: float | None = None

    def weights(self) -> np.ndarray:
        """What multiplies: the weights, or those that learned limits leave of them."""
        if self.limit is None:
            return self.w
        c = self.limit[:, None]
        if self.limit_bits is None:
            return np.clip(self.w, -c, c)
        largest = (2**self.limit_bits - 2) / 2
        return np.clip(np.rint(self.w / c * largest), -largest, largest) * c / largest

    def tile(self, i: int, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Quantised inputs `[batch, n_i]` of a tile, what it adds to the outputs, and which outputs its ADC passes."""
        (start, stop), beta = self.parts[i], self.beta[i]
        step = 2 * beta / (2**self.dac_bits - 2)
        xq = step * np.rint(np.clip(x[:, start:stop], -beta, beta) / step)
        w = self.weights()[:, start:stop]
        y = xq @ w.T
        if self.adc is None:
            return xq, y, np.ones_like(y, bool)
        bits, bound = self.adc
        largest = np.max(np.abs(w), axis=1) if self.limit is None else self.limit
        full = bound * beta * (largest if self.per == "column" else np.full_like(largest, np.max(largest)))
        codes = np.rint(y / (2 * full / (2**bits - 2)))  # quantised, then clamped
        last = (2**bits - 2) / 2
        return xq, np.clip(codes, -last, last) * full / last, np.abs(codes) <= last

    def forward(self, x: np.ndarray) -> np.ndarray:
        """`[batch, n_in]` to `[batch, n_out]`."""
        return sum(self.tile(i, x)[1] for i in range(len(self.parts))) + self.bias

    def backward(self, x: np.ndarray, dy: np.ndarray, decay: float, inside: float) -> dict[str, np.ndarray]:
        """Gradients of inputs, weights, bias, ranges, and limits if there are any."""
        dx, dw, dbeta = np.zeros_like(x), np.zeros_like(self.w), np.zeros_like(self.beta)
        for i, (start, stop) in enumerate(self.parts):
            xq, _, passes = self.tile(i, x)
            beta, xi, g_out = self.beta[i], x[:, start:stop], dy * passes
            g = g_out @ self.weights()[:, start:stop]
            dx[:, start:stop] = np.where(np.abs(xi) > beta, 0.0, g)
            dw[:, start:stop] = g_out.T @ xq
            dbeta[i] = beta * (np.sum(np.minimum(g[xi >= beta], 0)) - np.sum(np.maximum(g[xi <= -beta], 0)))
            if np.mean(np.abs(xi) < beta) > inside:
                dbeta[i] += decay * beta
        found = {"x": dx, "weight": dw, "bias": dy.sum(0), "input_range": dbeta}
        return found if self.limit is None else found | self._limited(dw)

    def _limited(self, dw: np.ndarray) -> dict[str, np.ndarray]:
        """LSQ with the scale of ParetoQ: gradients of the weights within limits, and of the limits."""
        c = self.limit[:, None]
        largest = 1.0 if self.limit_bits is None else (2**self.limit_bits - 2) / 2
        z = self.w / c * largest
        middle = np.zeros_like(z) if self.limit_bits is None else np.rint(z) - z
        share = (1.0 if self.limit_bits is None else 2 * largest**0.5) / self.w.size**0.5
        slope = np.where(z < -largest, -largest, np.where(z > largest, largest, middle))
        return {"weight": dw * (np.abs(z) <= largest), "weight_range": share * np.sum(dw * slope, axis=1)}
