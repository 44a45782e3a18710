"""Tiles by name, with their source."""

from collections.abc import Callable

from ..devices import IdealDevice, Pcm
from ..periphery import IdealAdc, IdealDac, UniformAdc, UniformDac
from ..units import V, uS
from ._crossbar import CubicIrDrop, IdealCrossbar
from ._encoding import DifferentialPair
from ._tile import TileDesign


def _ideal() -> TileDesign:
    return TileDesign(
        device=IdealDevice(), encoding=DifferentialPair(), crossbar=IdealCrossbar(), dac=IdealDac(), adc=IdealAdc()
    )


def _standard_pcm() -> TileDesign:
    """Rasch 2023: 512 inputs, 8-bit converters over +-1 and +-10, output noise 0.04, read noise 0.0175, IR drop 1; the
    crossbar's weights are normalised, so a full cell is a weight of one."""
    g_max, v_max = 25 * uS, 0.2 * V
    return TileDesign(
        device=Pcm(g_max=g_max),
        encoding=DifferentialPair(w_max=1.0),
        crossbar=CubicIrDrop(),
        dac=UniformDac(bits=8, v_max=v_max),
        adc=UniformAdc(bits=8, i_max=10 * g_max * v_max, noise=0.04 * g_max * v_max),
        rows=512,
        cols=512,
    )


_PRESETS: dict[str, Callable[[], TileDesign]] = {"ideal": _ideal, "standard_pcm": _standard_pcm}


def preset(name: str) -> TileDesign:
    """The tile published under `name`: `"standard_pcm"` is the standard crossbar of Rasch et al., Nat. Commun. 14:5282
    (2023) with Joshi's PCM, 512x512, for normalised weights: one is a full cell, more saturates (layers of `aimcjax.nn`
    scale every column to one digitally, as the paper does); `"ideal"` multiplies any weights exactly, 256x256.

    **Raises:** `ValueError` for an unknown name, with the known ones.
    """
    if name not in _PRESETS:
        raise ValueError(f"unknown tile preset {name!r}; known: {', '.join(preset_names())}")
    return _PRESETS[name]()


def preset_names() -> list[str]:
    """The names that `preset` knows, sorted."""
    return sorted(_PRESETS)
