"""Gradients of a loss through programmed, aged chips, against finite differences where the chip is smooth."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from aimcjax import devices, nn, periphery, tiles, training
from aimcjax.models import Mlp


# Steps far below the difference step make the converters smooth: what is left to differentiate is clipping and scales.
FINE = 40.0


def _loss(model, design, day=86400.0):
    def loss(weight, i_max, nu_mean):
        device = devices.Pcm(nu_mean=devices.Constant(nu_mean))
        adc = periphery.UniformAdc(i_max=i_max, bits=FINE)
        physics = eqx.tree_at(
            lambda d: (d.device, d.adc, d.dac), design, (device, adc, periphery.UniformDac(bits=FINE))
        )
        changed = eqx.tree_at(lambda m: m.layers[0].weight, model, weight)
        analog = nn.convert(changed, [nn.Rule(".*", physics)])
        chip = nn.program(analog, key=jr.key(1))
        xs, labels = jr.uniform(jr.key(2), (16, 6), jnp.float64), jnp.arange(16) % 3
        return training.cross_entropy(nn.apply(chip, xs, key=jr.key(3), t=day), labels)

    return loss


@pytest.mark.parametrize("argument", ["weight", "i_max", "nu_mean"])
def test_loss_gradient_matches_finite_differences(argument: str) -> None:
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        model = Mlp(6, 3, (5,), key=jr.key(0))
        loss = _loss(model, tiles.TileDesign())
        # Two cell currents of full scale: some outputs saturate, so the range has a slope.
        values = [model.layers[0].weight, jnp.asarray(5e-6), jnp.asarray(0.06)]
        index = ["weight", "i_max", "nu_mean"].index(argument)
        gradient = np.asarray(jax.jit(jax.grad(loss, argnums=index))(*values))
        assert np.all(np.isfinite(gradient))
        assert np.any(gradient != 0)
        direction = jr.normal(jr.key(4), values[index].shape, jnp.float64)
        h = 1e-6 * (1.0 if argument == "weight" else values[index])
        moved = lambda sign: [*values[:index], values[index] + sign * h * direction, *values[index + 1 :]]
        compiled = jax.jit(loss)
        difference = (compiled(*moved(1)) - compiled(*moved(-1))) / (2 * h)
        np.testing.assert_allclose(np.sum(gradient * np.asarray(direction)), float(difference), rtol=1e-4)
