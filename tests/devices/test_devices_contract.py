"""Every device under the common contract."""

import jax.numpy as jnp
import pytest
from contract import Entry, check_contract

from aimcjax import devices


def _worn(device):
    return devices.Endurance(device, cycles=3e6, scale=5e6)


def _leaking(device):
    return devices.Retention(device, tau=1e6)


def _faulty(device):
    return devices.StuckCells(device, p_on=0.2, p_off=0.2)


def _hot(device):
    return devices.AtTemperature(device, temperature=358.15)


DEVICES = {
    "pcm with constant laws": devices.Pcm(
        nu_mean=0.06, nu_std=0.0, programming=0.02, accumulated=0.01, read_noise=0.01
    ),
    "noiseless reads": devices.NoiselessReads(devices.Pcm()),
    "stuck cells": _faulty(devices.Pcm()),
    "endurance": _worn(devices.Pcm()),
    "fresh endurance": devices.Endurance(devices.IdealDevice(), centre=0.0),
    "retention": devices.Retention(devices.Pcm(), g_final=5e-6),
    "at temperature": _hot(devices.Pcm()),
    "worn, leaking, faulty and hot": _worn(_leaking(_faulty(_hot(devices.Pcm())))),
    "hot, faulty, leaking and worn": _hot(_faulty(_leaking(_worn(devices.Pcm())))),
    "noiseless, faulty twice and leaking": devices.NoiselessReads(_faulty(_faulty(_leaking(devices.IdealDevice())))),
    "uniform errors": devices.StatisticalDevice(
        programming=devices.Power(coefficient=0.01, exponent=-1.0, high=0.1),
        read_noise=0.01,
        distribution=devices.Uniform(),
    ),
    "discrete levels": devices.DiscreteLevels(device=devices.IdealDevice(), levels=16),
    "telegraph noise": devices.TelegraphNoise(device=devices.IdealDevice(), tau_c=1e4, tau_e=3e3),
    "cubic current": devices.NonlinearDevice(device=devices.IdealDevice(), iv=devices.CubicIV()),
    **{name: devices.preset(name) for name in devices.preset_names()},
}


def _program_and_read(device, g_target, key):
    cells = device.program(g_target, key=key)
    return (device.drift(cells, 3600.0) + device.read(cells, 86400.0, key=key)) / 25e-6


@pytest.mark.parametrize("name", DEVICES)
def test_contract(name: str, getkey) -> None:
    targets = jnp.asarray([0.1, 1.0, 7.0, 12.5, 25.0]) * 1e-6
    check_contract(Entry(DEVICES[name], _program_and_read, targets), getkey())


@pytest.mark.parametrize("name", DEVICES)
def test_any_shape_of_cells(name: str, getkey) -> None:
    device = DEVICES[name]
    for shape in ((), (3,), (2, 3, 4)):
        cells = device.program(jnp.full(shape, 5e-6), key=getkey())
        assert device.drift(cells, 1.0).shape == shape
        assert device.read(cells, 1.0, key=getkey()).shape == shape


def test_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown device preset 'pcmm'; known: .*ideal, .*pcm_joshi2020"):
        devices.preset("pcmm")
