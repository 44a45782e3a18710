"""Phase-change memory of the HERMES chips: one or two devices a cell."""

from ..units import ns, s, uS
from ._laws import ClippedLog, Piecewise, Polynomial
from ._pcm import Pcm


def pcm_hermes_1() -> Pcm:
    """`Pcm` with the fit to one device a cell, 10.35 uS.

    **Reference:** Le Gallo et al., Nat. Electron. 6:680 (2023) and Vasilopoulos et al., IEEE TED (2023): fits of 14 nm
    devices, coefficients as published with AIHWKit (`inference/noise/hermes.py`). Read noise of a single read: not
    in the fit, assumed to be that of `Pcm`. **Valid for** 0 to 10.35 uS, from 200 s.
    """
    return Pcm(
        g_max=10.35 * uS,
        t_0=200 * s,
        t_read=512 * ns,
        programming=[c / 10.35 for c in (0.15781817, 2.32443916, -2.16310839, 0.68841818)],
        nu_mean=_nu_mean(),
        nu_std=_branches(0.3039, (-0.0120, -0.0023, 0.0124, 0.04), (0.0104, 0.0116, -0.0165)),
        accumulated=_branches(0.1591, (-0.0078, 0.0038, 0.0179, 0.04), (0.0088, 0.0768, -0.1352, 0.0664)),
    )


def pcm_hermes_2() -> Pcm:
    """`Pcm` with the fit to two devices in parallel a cell, 20.7 uS together.

    **Reference:** as `pcm_hermes_1`. **Valid for** 0 to 20.7 uS, from 300 s.
    """
    return Pcm(
        g_max=20.7 * uS,
        t_0=300 * s,
        t_read=512 * ns,
        programming=[c / 20.7 for c in (0.16603222, 4.71806468, -8.48101252, 4.68961419)],
        nu_mean=_nu_mean(),
        nu_std=_branches(0.3055, (-0.0117, -0.0057, 0.0091, 0.04), (0.0073, 0.0093, -0.0118)),
        accumulated=_branches(0.16, (-0.0117, -0.0069, 0.015, 0.04), (0.0123, 0.0211, -0.0280, 0.0069)),
    )


def _nu_mean() -> Piecewise:
    return _branches(0.0945, (-0.0387, -0.0182, 0.0720, 0.13), (0.0736, -0.0126, -0.0436))


def _branches(split: float, logarithm: tuple[float, float, float, float], polynomial: tuple[float, ...]) -> Piecewise:
    slope, offset, low, high = logarithm
    below = ClippedLog(slope=slope, offset=offset, low=low, high=high)
    return Piecewise(split=split, below=below, above=Polynomial(polynomial))
