"""SONOS charge-trap cells: programming error, retention and read noise."""

import numpy as np

from ..units import MOhm, day, kOhm
from ._laws import Saturation
from ._statistical import StatisticalDevice
from ._timed_laws import Excess, PolynomialTable, SaturationTable


_I_MAX = 1600.0  # nA
_DAYS = np.arange(6.0)
# deviation [nA] = A (1 - exp(-I / B)), after 0 to 5 days
_SPREAD = (
    (19.88665, 176.3115),
    (25.59102, 186.85544),
    (28.72753, 193.56834),
    (31.04318, 198.90332),
    (33.76214, 204.77023),
    (34.57909, 207.34309),
)
# mean change [nA] = sum p_k I^k, I in nA, after 1 to 5 days
_RETENTION = (
    (1.72684e-1, 5.72552e-2, -6.85715e-4, 3.50271e-6, -9.37682e-9, 1.40575e-11, -1.19803e-14, 5.41293e-18,
     -8.85448e-22, -1.66869e-25, 5.9518e-29),
    (2.50712e-1, 6.62195e-2, -6.83218e-4, 2.99442e-6, -6.78255e-9, 7.70482e-12, -3.04983e-15, -2.15919e-18,
     2.94617e-21, -1.23359e-24, 1.85329e-28),
    (-1.753e-2, 9.76883e-2, -9.63791e-4, 4.55551e-6, -1.22391e-8, 1.93786e-11, -1.85899e-14, 1.07659e-17,
     -3.58211e-21, 5.96785e-25, -3.3041e-29),
    (4.03338e-2, 1.03111e-1, -1.0474e-3, 4.83961e-6, -1.28132e-8, 1.99484e-11, -1.85139e-14, 1.00008e-17,
     -2.84944e-21, 3.01008e-25, 1.18747e-29),
    (3.19927e-1, 1.06596e-1, -1.04054e-3, 4.5029e-6, -1.10352e-8, 1.56477e-11, -1.27592e-14, 5.45513e-18,
     -7.26841e-22, -2.43893e-25, 7.14608e-29),
)  # fmt: skip


def sonos() -> StatisticalDevice:
    """40 nm SONOS with the programming error, the retention of 5 days and the read noise of one published array.

    The fits are in nA of read current; here they are fractions of 1600 nA, the largest current of the accelerator
    that used the cells, which stands for 1 / 35 kOhm (a read voltage of 56 mV). In between days linear in
    ln(1 + t / day) (assumed), held after 5 days; the growth of the spread is independent of the programming error
    (assumed: totals were published).

    **Reference:** Agrawal et al., IEDM 21.7 (2022), Fig. 11b for the read noise; coefficients as published with
    CrossSim (`SONOS`). Range: Xiao et al., IEEE TCAS-I 69:1480 (2022). **Valid for** up to 1800 nA, 0 to 5 days.
    """
    amplitude, scale = np.asarray(_SPREAD).T / _I_MAX
    powers = _I_MAX ** (np.arange(11) - 1.0)
    coefficients = np.concatenate([np.zeros((1, 11)), np.asarray(_RETENTION) * powers])
    times = _DAYS * day
    initial = Saturation(amplitude=float(amplitude[0]), scale=float(scale[0]))
    total = SaturationTable(times=times, amplitude=amplitude, scale=scale, t_scale=1 * day)
    return StatisticalDevice(
        g_max=1 / (35 * kOhm),
        g_min=1 / (6e6 * MOhm),
        programming=initial,
        shift=PolynomialTable(times=times, coefficients=coefficients, t_scale=1 * day),
        relaxation=Excess(total=total, initial=initial),
        read_noise=Saturation(amplitude=12.58037 / _I_MAX, scale=215.36557 / _I_MAX),
    )
