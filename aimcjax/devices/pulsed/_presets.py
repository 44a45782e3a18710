"""Published pulsed devices by name."""

import math
from collections.abc import Callable

from ._constant import ConstantStep
from ._device import PulsedDevice
from ._exponential import ExponentialStep
from ._linear import LinearStep
from ._neurosim import NeuroSimStep
from ._noise import AdditiveNoise, RelativeNoise, StateNoise
from ._parts import Leak, Reference, Reset
from ._soft_bounds import SoftBounds
from ._variation import LogNormalSpread, NormalSpread, Variation


def preset(name: str) -> PulsedDevice:
    """The device published under `name`; the calibrations are those that AIHWKit ships, unless said otherwise.

    - `rpu_gokmen2016`: Gokmen & Vlasov, Front. Neurosci. 10:333 (2016), the RPU baseline, 1200 states within 0.6.
      `rpu_unit_gokmen2016`: scaled to a range of 1, with 1250 states.
    - `idealized_rasch2019`: 10,000 states, balanced; after Gokmen & Vlasov (2016) and Rasch et al. (2019).
    - `reram_es_gong2018`, `reram_sb_gong2018`: HfO2 ReRAM, Gong et al., Nat. Commun. 9:2102 (2018): exponential fit,
      and a looser one with soft bounds.
    - `reram_array_om_gong2022`, `reram_array_hfo2_gong2022`: ReRAM arrays, Gong et al., IEDM (2022). The stuck
      cells that were measured, 13.48 % and 9.77 %, are off as in AIHWKit.
    - `capacitor_li2018`: Li et al., VLSI (2018), with its leak. `ecram_tang2018`: Tang et al., IEDM (2018).
      `ecram_mo_kim2019`: metal-oxide ECRAM, Kim et al., IEDM (2019).
    - `pcm_nandakumar2020`: one PCM cell, up pulses and reset only; Nandakumar et al., Front. Neurosci. 14:406 (2020).
    - `soft_bounds_rasch2024`: the device of Fig. 3 of Rasch et al., Nat. Commun. 15:7133 (2024).
    - `neurosim_default`: the training example of DNN+NeuroSim V2.1 (not from AIHWKit).

    **Raises:** `ValueError` for an unknown name, with the known ones.
    """
    if name not in _PRESETS:
        raise ValueError(f"unknown pulsed preset {name!r}; known: {', '.join(preset_names())}")
    return _PRESETS[name]()


def sources() -> dict[str, str]:
    """Where each preset was published."""
    return {
        "rpu_gokmen2016": "Gokmen & Vlasov, Front. Neurosci. 10:333 (2016)",
        "rpu_unit_gokmen2016": "Gokmen & Vlasov, Front. Neurosci. 10:333 (2016), scaled to a range of 1",
        "idealized_rasch2019": "after Gokmen & Vlasov (2016) and Rasch et al. (2019), as in AIHWKit",
        "reram_es_gong2018": "Gong et al., Nat. Commun. 9:2102 (2018), exponential fit in AIHWKit",
        "reram_sb_gong2018": "Gong et al., Nat. Commun. 9:2102 (2018), soft-bounds fit in AIHWKit",
        "reram_array_om_gong2022": "Gong et al., IEDM (2022), as in AIHWKit",
        "reram_array_hfo2_gong2022": "Gong et al., IEDM (2022), as in AIHWKit",
        "capacitor_li2018": "Li et al., VLSI (2018), as in AIHWKit",
        "ecram_tang2018": "Tang et al., IEDM (2018), as in AIHWKit",
        "ecram_mo_kim2019": "Kim et al., IEDM (2019), as in AIHWKit",
        "pcm_nandakumar2020": "Nandakumar et al., Front. Neurosci. 14:406 (2020), as in AIHWKit",
        "soft_bounds_rasch2024": "Rasch et al., Nat. Commun. 15:7133 (2024), Fig. 3",
        "neurosim_default": "DNN+NeuroSim V2.1, training example",
    }


def preset_names() -> list[str]:
    """The names that `preset` knows, sorted."""
    return sorted(_PRESETS)


def soft_bounds_from_pulses(
    p_max: float = 1000.0, alpha: float = 0.0005, w_min: float = -1.0, w_end: float = 1.0
) -> PulsedDevice:
    r"""Soft bounds fitted to a staircase: n up pulses from `w_min` lead to $w_{min} + b(1 - e^{-\alpha n})$.

    $b = (w_{end} - w_{min})/(1 - e^{-\alpha p_{max}})$, the upper bound is $w_{min} + b$, and n down pulses lead
    back from there to $w_{min} + b e^{-\alpha n}$: $\alpha_+ = w_{max}(1 - e^{-\alpha})$,
    $\alpha_- = -w_{min}(1 - e^{-\alpha})$.

    **Arguments:** `p_max` pulses from `w_min` to `w_end`; `alpha` the rate of one; `w_min` < 0 and `w_end` [weight].

    **Reference:** Frascaroli et al., Sci. Rep. 8:7178 (2018). AIHWKit has the same bounds but $\delta = b\alpha$ and
    `up_down` $= 1 + 2w_{min}/b$, with which its up staircase is steeper than that by $b/w_{max}$.
    """
    b = (w_end - w_min) / -math.expm1(-p_max * alpha)
    rate = -math.expm1(-alpha)
    up, down = (w_min + b) * rate, -w_min * rate
    # The device is given its larger scale and how much the other falls short of it.
    up_down = 1.0 - down / up if up > down else up / down - 1.0
    return PulsedDevice(step=SoftBounds(), dw_min=max(up, down), w_min=w_min, w_max=w_min + b, up_down=up_down)


def _idealized() -> PulsedDevice:
    return PulsedDevice(dw_min=0.0002, w_max=1.0, w_min=-1.0, variation=Variation(imbalance=0.0))


def _reram_es() -> PulsedDevice:
    return PulsedDevice(
        step=ExponentialStep(a_up=-1.18445, a_down=-0.081404, gamma_up=5.0, gamma_down=5.0, scale=-0.5, offset=-0.5),
        dw_min=0.00135,
        w_max=1.0,
        w_min=-1.0,
        up_down=0.259359,
        noise=RelativeNoise(5.0),
        variation=Variation(gain=NormalSpread(0.2), imbalance=0.05),
        write_noise=75.0,
    )


def _reram_sb() -> PulsedDevice:
    return PulsedDevice(
        step=SoftBounds(),
        dw_min=0.002,
        w_max=1.25,
        w_min=-0.75,
        noise=AdditiveNoise(3.75),
        variation=Variation(w_max=0.3 / 1.25, w_min=0.3 / 0.75),
        write_noise=56.0,
        reference=Reference(),
    )


def _reram_array(dw_min, gain, noise, write_noise, w_max, w_min) -> PulsedDevice:
    return PulsedDevice(
        step=SoftBounds(),
        dw_min=dw_min,
        w_max=1.0,
        w_min=-1.0,
        noise=AdditiveNoise(noise),
        variation=Variation(gain=LogNormalSpread(gain), w_max=w_max, w_min=w_min, stuck_range=0.01),
        write_noise=write_noise,
        reference=Reference(std=0.05, at_symmetry_point=True),
    )


def _capacitor() -> PulsedDevice:
    return PulsedDevice(
        step=LinearStep(gamma_up=0.05, gamma_down=0.05, gamma_std=0.01),
        dw_min=0.005,
        w_max=1.0,
        w_min=-1.0,
        noise=AdditiveNoise(0.3),
        variation=Variation(gain=NormalSpread(0.1), imbalance=0.06, w_max=0.07, w_min=0.07),
        leak=Leak(lifetime=1e6, lifetime_std=0.3),
    )


def _ecram() -> PulsedDevice:
    return PulsedDevice(
        step=LinearStep(gamma_up=0.1153, gamma_down=0.5085, gamma_std=0.05),
        dw_min=0.002,
        w_max=1.1724,
        w_min=-0.8276,
        noise=RelativeNoise(0.3),
        variation=Variation(gain=NormalSpread(0.1), w_max=0.05, w_min=0.05),
    )


def _ecram_mo() -> PulsedDevice:
    return PulsedDevice(
        step=LinearStep(gamma_up=0.4152, gamma_down=0.7342, gamma_std=0.05),
        dw_min=2.8214e-4,
        w_max=1.1714,
        w_min=-0.8286,
        noise=RelativeNoise(2.0),
        variation=Variation(gain=NormalSpread(0.1), w_max=0.05, w_min=0.05),
    )


def _pcm() -> PulsedDevice:
    return PulsedDevice(
        step=ExponentialStep(a_up=-27.235, a_down=-2.235, gamma_up=2.5, gamma_down=2.5, scale=-1.0, offset=0.0),
        dw_min=0.01,
        w_max=2.0,
        w_min=0.0,
        noise=StateNoise(0.6, offset=0.042, slope=0.108),
        variation=Variation(gain=NormalSpread(0.2), imbalance=0.05, w_max=0.1, w_min=0.0),
        reset=Reset(std=0.01, cell_std=0.02),
    )


def _soft_bounds() -> PulsedDevice:
    return PulsedDevice(
        step=SoftBounds(),
        dw_min=0.05,
        w_max=1.0,
        w_min=-1.0,
        noise=AdditiveNoise(0.3),
        variation=Variation(gain=LogNormalSpread(0.3), imbalance=0.3),
        reference=Reference(at_symmetry_point=True),
    )


def _neurosim() -> PulsedDevice:
    # c2c 0.003: the code adds twice that, of a range of 2 in 32 steps.
    return PulsedDevice(
        step=NeuroSimStep(),
        dw_min=2 / 32,
        w_max=1.0,
        w_min=-1.0,
        noise=AdditiveNoise(2 * 0.003 / (2 / 32)),
        variation=Variation(gain=NormalSpread(0.0), imbalance=0.0, w_max=0.0, w_min=0.0),
    )


_PRESETS: dict[str, Callable[[], PulsedDevice]] = {
    "rpu_gokmen2016": PulsedDevice,  # the defaults are the published baseline
    "rpu_unit_gokmen2016": lambda: PulsedDevice(step=ConstantStep(), dw_min=0.0016, w_max=1.0, w_min=-1.0),
    "idealized_rasch2019": _idealized,
    "reram_es_gong2018": _reram_es,
    "reram_sb_gong2018": _reram_sb,
    "reram_array_om_gong2022": lambda: _reram_array(0.0949, 0.7829, 0.4158, 1.4113, 0.3499, 0.5695),
    "reram_array_hfo2_gong2022": lambda: _reram_array(0.4622, 0.7125, 0.2174, 0.5841, 0.4295, 0.5990),
    "capacitor_li2018": _capacitor,
    "ecram_tang2018": _ecram,
    "ecram_mo_kim2019": _ecram_mo,
    "pcm_nandakumar2020": _pcm,
    "soft_bounds_rasch2024": _soft_bounds,
    "neurosim_default": _neurosim,
}
