"""Components from and to `{type: name, ...}`: nothing is lost on the way, every role keeps its own kinds."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import pytest

from aimcjax import devices, periphery, tiles
from aimcjax.config import build, describe
from aimcjax.units import eV, year


COMPONENTS = [
    (devices.Pcm(), devices.AbstractDevice),
    (devices.Pcm(g_max=3e-5, g_min=1e-7, nu_std=0.01, programming=[0.01, 0.02, 0.03]), devices.AbstractDevice),
    *[(devices.preset(name), devices.AbstractDevice) for name in devices.preset_names()],
    (devices.TelegraphNoise(device=devices.Pcm(), amplitude=[0.1, 0.2], tau_c=0.5), devices.AbstractDevice),
    (devices.NoiselessReads(device=devices.Pcm()), devices.AbstractDevice),
    (devices.StatisticalDevice(distribution=devices.Uniform()), devices.AbstractDevice),
    (devices.CubicIV(coefficient=0.1), devices.AbstractIV),
    (devices.IdealDevice(), devices.AbstractDevice),
    (devices.NoiselessReads(devices.Pcm()), devices.AbstractDevice),
    (devices.StuckCells(devices.Pcm(g_max=3e-5), p_on=0.0175, p_off=0.0904), devices.AbstractDevice),
    (devices.Endurance(devices.IdealDevice(), cycles=1e6, shape=1.7), devices.AbstractDevice),
    (devices.Retention(devices.Pcm(), tau=1e5), devices.AbstractDevice),
    (devices.Retention(devices.Pcm(), g_final=5e-6), devices.AbstractDevice),
    (devices.AtTemperature(devices.Pcm(), temperature=358.15, activation_energy=1.2 * eV), devices.AbstractDevice),
    (
        devices.Endurance(devices.StuckCells(devices.AtTemperature(devices.Retention(devices.Pcm())), 0.1, 0.2)),
        devices.AbstractDevice,
    ),
    (devices.Power(coefficient=0.1, exponent=-0.5), devices.AbstractLaw),
    (devices.Power(coefficient=0.1, exponent=-0.5, high=0.3), devices.AbstractLaw),
    (devices.ClippedLog(slope=-1.0, offset=0.5, low=0.0, high=1.0), devices.AbstractLaw),
    (devices.Constant(0.1), devices.AbstractLaw),
    (periphery.UniformDac(bits=5.5, v_max=0.3), periphery.AbstractDac),
    (periphery.IdealDac(), periphery.AbstractDac),
    (periphery.UniformAdc(i_max=1e-5, noise=1e-8, bits=6), periphery.AbstractAdc),
    (periphery.IdealAdc(), periphery.AbstractAdc),
    (tiles.DifferentialPair(), tiles.AbstractEncoding),
    (tiles.DifferentialPair(w_max=0.7), tiles.AbstractEncoding),
    (tiles.IdealCrossbar(), tiles.AbstractCrossbar),
    (tiles.CubicIrDrop(r_wire=0.35), tiles.AbstractCrossbar),
    (tiles.TileDesign(rows=7, cols=9), tiles.AbstractTileDesign),
    (tiles.preset("standard_pcm"), tiles.AbstractTileDesign),
]


@pytest.mark.parametrize(("component", "role"), COMPONENTS, ids=lambda item: type(item).__name__)
def test_description_builds_the_same_component(component: Any, role: type) -> None:
    built = build(describe(component), role)
    assert eqx.tree_equal(built, component, typematch=True)
    assert build(component, role) is component


@pytest.mark.parametrize(
    ("tree", "role", "expected"),
    [
        ("ideal_adc", periphery.AbstractAdc, periphery.IdealAdc()),
        (0.25, devices.AbstractLaw, devices.Constant(0.25)),
        ([0.1, 0.2], devices.AbstractLaw, devices.Polynomial([0.1, 0.2])),
        ("pcm_joshi2020", devices.AbstractDevice, devices.preset("pcm_joshi2020")),
        ({"type": "uniform_adc", "bits": 6}, periphery.AbstractAdc, periphery.UniformAdc(bits=6)),
    ],
    ids=str,
)
def test_short_forms(tree: Any, role: type, expected: Any) -> None:
    assert eqx.tree_equal(build(tree, role), expected, typematch=True)


def test_a_preset_with_changes_keeps_the_rest() -> None:
    tile = build({"type": "standard_pcm", "rows": 32, "adc": {"bits": 6}}, tiles.AbstractTileDesign)
    standard: Any = tiles.preset("standard_pcm")
    assert (tile.rows, tile.cols, float(tile.adc.bits)) == (32, standard.cols, 6.0)
    assert jnp.array_equal(tile.adc.i_max, standard.adc.i_max)
    assert eqx.tree_equal(tile.device, standard.device)
    assert float(tile.encoding.w_max) == 1.0


def test_devices_made_of_devices() -> None:
    hot = {"type": "at_temperature", "temperature": "358.15 K", "activation_energy": "1.2 eV"}
    leaking = {"type": "retention", "tau": "10 years", "device": {"type": "pcm", "g_max": "30 uS"}}
    faulty = {"type": "stuck_cells", "p_on": "2 %", "p_off": 0.1, "device": hot | {"device": leaking}}
    built = build({"type": "endurance", "cycles": 1e6, "device": faulty}, devices.AbstractDevice)
    expected = devices.Retention(devices.Pcm(g_max=30e-6), tau=10 * year)
    expected = devices.AtTemperature(expected, temperature=358.15, activation_energy=1.2 * eV)
    expected = devices.Endurance(devices.StuckCells(expected, p_on=0.02, p_off=0.1), cycles=1e6)
    assert eqx.tree_equal(built, expected, typematch=True)
    tree = describe(built)
    assert (tree["type"], tree["device"]["device"]["activation_energy"]) == ("endurance", "1.2 eV")
    for name in ("endurance", "retention", "at_temperature", "noiseless_reads"):  # the others are not without a rate
        assert float(build({"type": name, "device": {"type": "pcm"}}, devices.AbstractDevice).g_max) > 0


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"type": "endurance"}, "endurance needs a value for device"),
        ({"type": "stuck_cells", "device": "pcm"}, "stuck_cells needs a value for p_on, p_off"),
        ({"type": "stuck_cells", "device": "pcm", "p_on": 2, "p_off": 0}, "p_on must be at least 0, at most 1"),
        ({"type": "retention", "device": "pcm", "tau": "0 s"}, "tau must be above 0"),
        ({"type": "endurance", "device": {"type": "pmc"}}, "device: expected a device, got 'pmc'; did you mean 'pcm'"),
        ({"type": "at_temperature", "device": "pcm", "temperature": 300}, "temperature: a number needs its unit"),
    ],
)
def test_devices_made_of_devices_refuse(tree: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(tree, devices.AbstractDevice)


ROLES = {
    devices.AbstractDevice: ("ideal_device", "a device"),
    devices.AbstractLaw: ("constant", "a law"),
    periphery.AbstractDac: ("ideal_dac", "a DAC"),
    periphery.AbstractAdc: ("ideal_adc", "an ADC"),
    tiles.AbstractEncoding: ("differential_pair", "an encoding"),
    tiles.AbstractCrossbar: ("ideal_crossbar", "a crossbar"),
    tiles.AbstractTileDesign: ("tile", "a tile"),
}


@pytest.mark.parametrize("place", ROLES, ids=lambda role: role.__name__)
@pytest.mark.parametrize("given", ROLES, ids=lambda role: role.__name__)
def test_no_component_in_the_place_of_another(given: type, place: type) -> None:
    if given is place:
        return
    name, word = ROLES[given]
    with pytest.raises(ValueError, match=f"'{name}' is {word}, this is the place of {ROLES[place][1]}: "):
        build({"type": name}, place)
