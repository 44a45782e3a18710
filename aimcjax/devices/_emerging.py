"""Technologies without a published statistical model: ranges of the literature, completed by assumptions."""

from ..units import kOhm, nS, uS
from ._laws import Power
from ._levels import DiscreteLevels
from ._statistical import StatisticalDevice
from ._timed_laws import LogTime


def fefet() -> StatisticalDevice:
    """Ferroelectric transistor with partial polarisation.

    **Reference:** 240 kOhm when conducting, on/off 100: defaults of NeuroSim 2.1. Programming 2 % and reads 0.5 % of
    the range, no drift within years: assumed.
    """
    return StatisticalDevice(
        g_max=1 / (240 * kOhm), g_min=1 / (24e3 * kOhm), programming=0.02, read_noise=Power(0.005, 0.5)
    )


def cbram() -> StatisticalDevice:
    """Conductive-bridge memory: high on/off ratio, broad and relaxing filaments.

    **Reference:** reviews give no more than a high on/off ratio at low voltages. 1 to 100 uS, programming 5 %,
    relaxation of the mean by 0.2 % and of the spread by 0.3 % of the range each factor e of time, reads 1 %:
    all assumed.
    """
    return StatisticalDevice(
        g_max=100 * uS,
        g_min=1 * uS,
        programming=0.05,
        shift=LogTime(slope=-0.002),
        relaxation=LogTime(slope=0.003),
        read_noise=Power(0.01, 0.5),
    )


def ecram() -> StatisticalDevice:
    """Electrochemical transistor: many fine steps, open-circuit self-discharge.

    **Reference:** 5 % deviation of the ends of the range is published with the training presets (Tang et al., IEDM
    2018, in AIHWKit) and not used here. 10 nS to 1 uS, programming 0.5 %, spread growing by 0.1 % of the range each
    factor e of time, reads 0.2 %: all assumed.
    """
    return StatisticalDevice(
        g_max=1 * uS, g_min=10 * nS, programming=0.005, relaxation=LogTime(slope=0.001), read_noise=Power(0.002, 0.5)
    )


def mos2() -> StatisticalDevice:
    """Two-dimensional semiconductor (MoS2) floating-gate cell.

    **Reference:** none of the numbers is a published statistic. 10 nS to 10 uS, programming 2 %, spread growing by
    0.2 % of the range each factor e of time, reads 1 %: all assumed.
    """
    return StatisticalDevice(
        g_max=10 * uS, g_min=10 * nS, programming=0.02, relaxation=LogTime(slope=0.002), read_noise=Power(0.01, 0.5)
    )


def bulk_rram() -> DiscreteLevels:
    """Filament-free bulk RRAM: 64 levels of a cell in the MOhm range.

    **Reference:** Kuzum group (UCSD), IEDM (2025): 64 levels, MOhm, 40 nm, as reported in the press; no statistics were
    published. 1 to 20 MOhm, programming by a quarter of a step (0.4 %), reads 0.2 %, no drift: assumed.
    """
    cell = StatisticalDevice(g_max=1 * uS, g_min=50 * nS, programming=0.004, read_noise=Power(0.002, 0.5))
    return DiscreteLevels(device=cell, levels=64)  # pyright: ignore[reportCallIssue]
