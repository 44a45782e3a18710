"""A slow statement of a tile in float64 NumPy, written from the equations and not from the code."""

import dataclasses

import numpy as np


def quantize(z: np.ndarray, bound: float, bits: float) -> np.ndarray:
    step = 2 * bound / (2**bits - 2)
    return np.clip(step * np.rint(z / step), -bound, bound)


@dataclasses.dataclass
class Code:
    """What a converter gives, and how far it would be off if a decision left open by rounding went the other way."""

    value: np.ndarray
    slack: np.ndarray


def convert(i: np.ndarray, i_max: float, bits: float) -> Code:
    """Nearest of the codes -M ... M, whatever the architecture of an ideal converter."""
    step = 2 * i_max / (2**bits - 2)
    z = i / step
    open_ = np.abs(np.abs(z - np.floor(z)) - 0.5) < 1e-7
    return Code(quantize(i, i_max, bits), step * (open_ & (np.abs(i) < 1.1 * i_max)))


def sense(i: np.ndarray, i_out: float, threshold: float, *, ternary: bool) -> Code:
    """A sense amplifier: the sign, or the sign of what is large enough."""
    scale = max(np.max(np.abs(i)), threshold)
    if ternary:
        open_ = np.abs(np.abs(i) - threshold) < 1e-9 * scale
        return Code(i_out * np.sign(i) * (np.abs(i) > threshold), i_out * open_)
    return Code(i_out * np.where(i > threshold, 1.0, -1.0), 2 * i_out * (np.abs(i - threshold) < 1e-9 * scale))


def pulses(x: np.ndarray, v_max: float, bits: float) -> list[tuple[float, np.ndarray]]:
    """A DAC that reads once: its weight and its voltages."""
    return [(1.0, quantize(v_max * x, v_max, bits))]


def serial(x: np.ndarray, v_max: float, bits: int, slice_bits: int) -> list[tuple[float, np.ndarray]]:
    """A DAC that reads slice by slice, lowest first."""
    largest, base = 2 ** (bits - 1) - 1, 2**slice_bits
    code = np.rint(np.clip(x, -1, 1) * largest)
    reads, rest, weight = [], np.abs(code), 1.0
    while weight <= largest:
        rest, digit = np.divmod(rest, base)
        reads.append((weight * (base - 1) / largest, v_max * np.sign(code) * digit / (base - 1)))
        weight *= base
    return reads


def lines(w: np.ndarray, encoding: str, g_min: float, g_max: float, **parts) -> list[tuple[np.ndarray, float]]:
    """What the sense lines of a tile hold: net conductances, `[rows, columns]`, and what a unit of their current is
    worth. The unit column, and what is known of zero weight, is in the last column."""
    w_max = np.max(np.abs(w), axis=0)
    x, span = w / np.where(w_max > 0, w_max, 1.0), g_max - g_min
    if encoding in ("offset", "unit column"):
        middle = (g_max + g_min) / 2
        return [(np.column_stack([middle + span / 2 * x, np.full(len(w), middle)]), 2 / span)]
    if encoding == "sliced":
        bits, slices = parts["bits"], parts["slices"]
        largest, base = 2 ** (bits - 1) - 1, 2 ** -(-(bits - 1) // slices)
        integer, held = np.rint(x * largest), []
        rest = np.abs(integer)
        for k in range(slices):
            rest, digit = np.divmod(rest, base)
            held.append((span * np.sign(integer) * digit / (base - 1), (base - 1) * base**k / largest / span))
        return held
    factor = parts.get("factor", 1.0)  # of currents on the line relative to one pair
    return [(factor * span * x, 1 / (factor * span))]


def tile(w: np.ndarray, reads: list, held: list, encoding: str, adc, *, v_max: float, ranges=(1.0,)) -> Code:
    """An ideal device between converters: every read of every line is converted, shifted and added."""
    y, slack = np.zeros(w.shape[1]), np.zeros(w.shape[1])
    w_max = np.max(np.abs(w), axis=0)
    for (g, worth), relative in zip(held, ranges, strict=True):
        for weight, v in reads:
            found = adc(v @ g / relative)
            value, open_ = relative * found.value, relative * found.slack
            if encoding == "unit column":
                value, open_ = value[:-1] - value[-1], open_[:-1] + open_[-1]
            elif encoding == "offset":
                value, open_ = value[:-1] - v @ g[:, -1], open_[:-1]
            y, slack = y + weight * worth * w_max * value / v_max, slack + weight * worth * w_max * open_ / v_max
    return Code(y, slack)


def tiles(n_in: int, n_out: int, rows: int, cols: int) -> list[tuple[slice, slice]]:
    """The blocks of a matrix on tiles: as few as possible, and as equal as possible."""

    def cut(n: int, size: int) -> list[slice]:
        width = -(-n // -(-n // size))
        return [slice(start, min(start + width, n)) for start in range(0, n, width)]

    return [(r, c) for r in cut(n_in, rows) for c in cut(n_out, cols)]
