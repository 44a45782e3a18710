"""What actions do to a chip: who gets the spare tiles, and what of a layer is written anew."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import tolerances

from aimcjax import devices, nn, periphery, tiles
from aimcjax.chips.service import _chip as service_chip, _step as service_step
from aimcjax.models import Mlp


def test_a_layer_too_large_for_the_spares_leaves_them_to_others() -> None:
    wanted, of_layers = jnp.asarray([True, True, False, True, True]), jnp.asarray([4.0, 2.0, 1.0, 2.0, 1.0])
    found = service_step.spared(wanted, of_layers, jnp.asarray(3.0))
    assert found.tolist() == [False, True, False, False, True]


def test_rewriting_keeps_faults_and_draws_the_rest_anew() -> None:
    faulty = devices.StuckCells(devices.Pcm(), p_on=0.05, p_off=0.05)
    dac, adc = periphery.UniformDac(bits=8), periphery.UniformAdc(bits=8)
    design = tiles.TileDesign(rows=64, cols=32, device=faulty, dac=dac, adc=adc)
    model = nn.convert(Mlp(64, 10, (16,), key=jr.key(0)), [nn.Rule(".*", design)])
    chip = eqx.filter_jit(nn.program)(model, key=jr.key(1))
    again = eqx.filter_jit(service_chip.rewritten)(model, chip, key=jr.key(2))
    for name, layer in nn.analog_layers(chip).items():
        old, new = layer.matrix.tiles.cells, again[name][0].cells
        stuck = np.asarray(devices.is_stuck(faulty, old))
        np.testing.assert_array_equal(stuck, devices.is_stuck(faulty, new))
        np.testing.assert_array_equal(np.asarray(old.g)[stuck], np.asarray(new.g)[stuck])
        assert (np.asarray(old.g)[~stuck] != np.asarray(new.g)[~stuck]).mean() > 0.5
        np.testing.assert_allclose(again[name][0].gain, layer.matrix.tiles.gain, rtol=tolerances.PRIMITIVE)
