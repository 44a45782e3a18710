"""Scaling between nodes against the printed table, and the ADC regression against its published coefficients."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances

from aimcjax import chips
from aimcjax.chips import Technology, adc
from aimcjax.units import nm


def test_energy_follows_the_printed_factors() -> None:
    """Two nodes of the table, one between two nodes, at other supplies, computed from the printed digits."""
    with jax.enable_x64(True):
        at = lambda a, b, c, v: a * v * v + b * v + c
        old = at(1.103, -0.362, 0.2767, 0.9)
        for node, vdd, factor in [
            (7.0, 0.7, at(0.1776, -0.09097, 0.02447, 0.7)),
            (65.0, 1.1, at(3.755, -4.398, 1.975, 1.1)),
            (26.0, 0.8, (at(0.373, -0.1582, 0.04104, 0.8) + at(0.9559, -0.7823, 0.471, 0.8)) / 2),
        ]:
            found = Technology(node=node * nm, vdd=vdd).energy(45 * nm, 0.9)
            np.testing.assert_allclose(found, factor / old, rtol=tolerances.FLOAT64)
        chip = Technology(node=15 * nm)
        np.testing.assert_allclose(chip.latency(45 * nm), 1 / 3, rtol=tolerances.FLOAT64)
        np.testing.assert_allclose(chip.area(45 * nm), 1 / 9, rtol=tolerances.FLOAT64)
        same = Technology()
        np.testing.assert_allclose(same.energy(same.node, same.vdd), 1.0, rtol=tolerances.FLOAT64)


def test_energy_has_its_gradient() -> None:
    with jax.enable_x64(True):
        factor = lambda node_nm, vdd: Technology(node=node_nm * nm, vdd=vdd).energy(45 * nm, 0.9)
        slopes, h = jax.grad(factor, argnums=(0, 1))(28.0, 0.85), 1e-4
        np.testing.assert_allclose(slopes[0], (factor(28 + h, 0.85) - factor(28 - h, 0.85)) / (2 * h), rtol=1e-6)
        np.testing.assert_allclose(slopes[1], (factor(28.0, 0.85 + h) - factor(28.0, 0.85 - h)) / (2 * h), rtol=1e-6)


@pytest.mark.parametrize("node", [5.0, 180.0])
def test_refuses_nodes_beyond_the_table(node: float) -> None:
    with pytest.raises(ValueError, match="no energy factors at .* from 7 to 130 nm"):
        Technology(node=node * nm).energy(45 * nm, 0.9)


def _published(bits: float, rate: float, node_nm: float) -> tuple[float, float]:
    """Energy [pJ] and area [um2] from the coefficients as they are published."""
    sndr = 6.0206 * bits + 1.76091
    by_rate = 213.7806687348118 - 2.8719030399529957 * math.log(rate)
    merit = min(by_rate, 128.3068287398817 + 3.22051151097762 * math.ceil(bits))
    exponent = 26.0496215686518 + 1.8800369206815004 * math.log(node_nm) - 1.4702022133784405
    energy = 10 ** ((sndr - merit) / 10) / 2 * math.exp(exponent - 2.8291256050594527 * math.log(bits))
    by_size = 0.9932794744745022 * math.log(node_nm) + 0.18071538424508238 * math.log(rate)
    return energy, math.exp(1.3461916439910742 + by_size + 0.29912426192653485 * math.log(energy))


def test_a_chip_beyond_the_table_is_refused_before_it_is_compiled() -> None:
    for node in ("3 nm", "200 nm"):
        with pytest.raises(ValueError, match=f"no energy factors at {node}; the table holds nodes from 7 to 130 nm"):
            chips.build_chip({"technology": {"node": node}})
    with pytest.raises(ValueError, match="chip chip: 16,000,000 arrays .* are more than the 10,000,000"):
        chips.Chip(grid=(2000, 2000), tiers=4)


def test_andrulis_equals_the_published_coefficients() -> None:
    nodes, bits, rates = np.meshgrid([7.0, 14.0, 22.0, 32.0, 65.0, 130.0], [4.0, 5.5, 6.0, 8.0, 10.0, 12.0, 14.3],
                                     [1e6, 1e7, 1e8, 1e9, 1e10])  # fmt: skip
    with jax.enable_x64(True):
        flat = [jnp.asarray(values.ravel(), float) for values in (bits, rates, nodes)]
        energy, area = jax.jit(jax.vmap(adc.andrulis))(*flat)
        expected = np.asarray([_published(*map(float, point)) for point in zip(*flat, strict=True)]).T
        np.testing.assert_allclose(np.asarray(energy) * 1e12, expected[0], rtol=tolerances.FLOAT64)
        np.testing.assert_allclose(np.asarray(area) * 1e12, expected[1], rtol=tolerances.FLOAT64)


def test_the_three_traps_of_andrulis_are_handled_in_smooth_mode() -> None:
    """Jumps at whole bits, no slope below the corner rate that is not also there in the fit, and a fall below 4.4 bits;
    far from all three both modes agree."""
    with jax.enable_x64(True):
        energy = lambda smooth: lambda bits, rate: adc.andrulis(bits, rate, 32.0, smooth=smooth)[0]
        jump = lambda smooth: energy(smooth)(8.0 + 1e-6, 1e6) / energy(smooth)(8.0, 1e6)
        assert jump(False) < 0.6  # the ceiling takes 3.2 dB at once
        np.testing.assert_allclose(jump(True), 1.0, rtol=1e-5)
        slope = lambda smooth, bits: jax.grad(energy(smooth))(bits, 1e6)
        assert energy(False)(3.0, 1e6) > energy(False)(4.0, 1e6)
        assert all(slope(True, bits) > 0 for bits in (2.0, 3.0, 4.0, 4.388, 6.0, 8.0))
        corner = math.exp((213.7806687348118 - 128.3068287398817 - 8 * 3.22051151097762) / 2.8719030399529957)
        by_rate = jax.grad(energy(True), argnums=1)
        assert 0.0 < by_rate(8.0, 0.9 * corner) < by_rate(8.0, corner) < by_rate(8.0, 1.1 * corner)
        np.testing.assert_allclose(energy(True)(8.0, 1e7), energy(False)(8.0, 1e7), rtol=4e-3)


def test_the_face_of_the_package() -> None:
    assert chips.adc is adc
