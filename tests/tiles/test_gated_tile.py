"""Tiles of transistors and cells: inputs of both signs and several bits, and inputs that gates cannot have."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances

from aimcjax import devices, periphery, tiles


IO = {"device": devices.IdealDevice(), "adc": periphery.IdealAdc()}
GATES = tiles.WireResistance(r_row=0.0, r_col=0.0, source="gate")
W = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


@pytest.mark.parametrize("bits", [2, 4])
def test_signed_inputs_of_several_bits(bits: int, getkey) -> None:
    dac = periphery.BitSerialDac(bits=bits, slice_bits=1)
    design = tiles.TileDesign(crossbar=GATES, dac=dac, **IO)
    state = design.program(jnp.asarray(W), key=getkey())
    top = 2 ** (bits - 1) - 1
    x = np.asarray([-top, top, 0, 1, -1], np.float32) / top
    expected, size = x @ W, np.max(np.abs(W))
    y = design.mvm(state, jnp.asarray(x), t=0.0, key=getkey())
    np.testing.assert_allclose(y, expected, atol=tolerances.PRIMITIVE * size)
    np.testing.assert_allclose(design.expected(design.at(state, 0.0), jnp.asarray(x)), expected, atol=1e-5 * size)


def test_inputs_that_gates_cannot_have() -> None:
    for dac in (periphery.IdealDac(), periphery.UniformDac(), periphery.BitSerialDac(bits=5, slice_bits=2)):
        with pytest.raises(ValueError, match="gates are on or off, got inputs of"):
            tiles.TileDesign(crossbar=GATES, dac=dac, **IO)
    prepared = GATES.prepare(jnp.full((1, 2, 2), 1e-5), None, jnp.ones(1))
    read = lambda v: GATES.mean_currents(prepared, v, v_max=jnp.asarray(0.2))
    assert np.all(np.isnan(read(jnp.asarray([0.2, 0.1]))))
    np.testing.assert_allclose(read(jnp.asarray([0.2, -0.2])), 0.0, atol=1e-12)


def test_negative_resistances_under_jit() -> None:
    g, v = np.full((3, 2), 1e-5, np.float32), np.ones(3, np.float32)
    for source in ("input", "gate"):
        solve = jax.jit(lambda r, source=source: tiles.crossbar_currents(g, v, r_row=r, r_col=1.0, source=source))
        assert np.all(np.isnan(solve(-1.0)))
