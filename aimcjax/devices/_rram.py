"""Published parameter sets of oxide RRAM."""

import numpy as np

from ..units import day, s, uS, us
from ._iv import LogPolynomialIV, NonlinearDevice
from ._laws import ClippedLog, Polynomial
from ._statistical import StatisticalDevice
from ._timed_laws import Accumulation, Excess, LogTime, PolynomialTable


# sigma [uS] = sum c_k (g / 40 uS)^k, at 1 s, 1 day, 2 days after programming
_WAN_TIMES = (1 * s, 1 * day, 2 * day)
_WAN = (
    (0.348, 16.030, -43.853, 45.393, -16.815),
    (0.701, 22.086, -50.773, 47.095, -16.458),
    (0.782, 20.274, -43.507, 37.062, -11.934),
)
_FALCONE_G_MAX = 88.2  # uS
# sigma [uS] = c_0 + c_1 g [uS] of cells verified to within this fraction of the target
_FALCONE = {0.002: (0.00081107, 0.00106879), 0.02: (0.0112185391, 0.01129027418)}


def rram_wan2022() -> StatisticalDevice:
    """RRAM of the NeuRRAM chip: the spread around the target grows from 1 s to 2 days, the mean stays.

    The law is a fraction of `g_max`, so a narrower range has proportionally less noise. (AIHWKit documents that
    rescaling from 40 uS, but never applies it.) The growth is independent of the programming error (assumed; only
    the totals were published), interpolated in ln t (assumed) and held after 2 days.

    **Reference:** Wan et al., Nature 608:504 (2022), Extended Data Fig. 3; coefficients as published with AIHWKit
    (`ReRamWan2022NoiseModel`). `g_min` 1 uS and noiseless single reads: assumed. **Valid for** 1 to 40 uS, 1 s to 2
    days.
    """
    fractions = np.asarray(_WAN) / 40
    initial = Polynomial(fractions[0])
    total = PolynomialTable(times=_WAN_TIMES, coefficients=fractions, t_scale=1 * s)
    return StatisticalDevice(
        g_max=40 * uS, g_min=1 * uS, programming=initial, relaxation=Excess(total=total, initial=initial)
    )


def rram_milo2021() -> NonlinearDevice:
    r"""HfO2 RRAM programmed with verification (IGVVA-100), with its non-linear I-V.

    $\sigma = \max(4.782321 - 0.009107\,g,\, 0)$ uS at programming; relaxation and read noise were not fitted.

    **Reference:** Milo et al., IRPS (2021), Fig. 4; coefficients as published with CrossSim (`RRAMMilo`). Their I-V
    polynomial in log10(g) is known to four digits and cancels to about one. **Valid for** 50 to 225 uS, up to 0.5 V.
    """
    device = StatisticalDevice(g_max=225 * uS, g_min=50 * uS, programming=[4.782321 / 225, -0.009107])
    quadratic = (7.063e-3, 5.711e-3, 1.541e-3, 1.388e-4)
    cubic = (1.2968e-3, 6.7919e-4, 8.871e-5)
    return NonlinearDevice(  # pyright: ignore[reportCallIssue]
        device=device,
        iv=LogPolynomialIV(
            g_low=50 * uS,
            g_high=225 * uS,
            g_reference=100 * uS,
            quadratic=_centred(quadratic, -4.0),
            cubic=_centred(cubic, -4.0),
        ),
    )


def rram_falcone_0p2() -> StatisticalDevice:
    """CMO/HfOx RRAM, every cell verified to within 0.2 % of its target.

    The relaxation is counted from 1 s (assumed: the fit is in ln t, and programming itself takes shorter). The
    published noise grows with time like accumulated 1/f noise and is drawn once, as in `Pcm`; of a single read
    nothing else is known. (AIHWKit takes this acceptance silently for its default, 2 %.)

    **Reference:** Falcone et al., arXiv:2502.04524 (2025); coefficients as published with AIHWKit
    (`ReRamCMONoiseModel`). **Valid for** 9 to 88.2 uS.
    """
    return _falcone(0.002)


def rram_falcone_2() -> StatisticalDevice:
    """CMO/HfOx RRAM, every cell verified to within 2 % of its target; otherwise as `rram_falcone_0p2`."""
    return _falcone(0.02)


def _falcone(acceptance: float) -> StatisticalDevice:
    g_max = _FALCONE_G_MAX
    constant, slope = _FALCONE[acceptance]
    noise = 0.0277316483 / g_max / np.log(10)  # the fit is in log10(g / 1 uS)
    return StatisticalDevice(
        g_max=g_max * uS,
        g_min=9 * uS,
        programming=Polynomial([constant / g_max, slope]),
        shift=LogTime(slope=-0.08900206 / g_max),
        relaxation=LogTime(offset=0.41183342 / g_max, slope=0.04201137 / g_max),
        accumulated=Accumulation(
            law=ClippedLog(slope=noise, offset=noise * np.log(g_max), low=0.0, high=1.0), t_read=1 * us
        ),
    )


def _centred(coefficients: tuple[float, ...], centre: float) -> list[float]:
    """The same polynomial around `centre`: in single precision the published form cancels to nothing."""
    around = np.polynomial.Polynomial(coefficients)(np.polynomial.Polynomial([centre, 1.0]))
    return [float(c) for c in around.coef]
