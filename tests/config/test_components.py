"""Components from and to `{type: name, ...}`: nothing is lost on the way, every role keeps its own kinds."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import pytest

from aimcjax import devices, periphery, tiles
from aimcjax.config import build, describe


COMPONENTS = [
    (devices.Pcm(), devices.AbstractDevice),
    (devices.Pcm(g_max=3e-5, g_min=1e-7, nu_std=0.01, programming=[0.01, 0.02, 0.03]), devices.AbstractDevice),
    *[(devices.preset(name), devices.AbstractDevice) for name in devices.preset_names()],
    (devices.TelegraphNoise(device=devices.Pcm(), amplitude=[0.1, 0.2], tau_c=0.5), devices.AbstractDevice),
    (devices.NoiselessReads(device=devices.Pcm()), devices.AbstractDevice),
    (devices.StatisticalDevice(distribution=devices.Uniform()), devices.AbstractDevice),
    (devices.CubicIV(coefficient=0.1), devices.AbstractIV),
    (devices.IdealDevice(), devices.AbstractDevice),
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
