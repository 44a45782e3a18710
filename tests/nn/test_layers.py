"""Every kind of layer: on exact tiles it is the digital layer, it trains, it can be programmed and comes back."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import pytest
import tolerances
from layer_cases import CASES, ExactTile, Stack, close

from aimcjax import nn


nn.to_analog.register(Stack, nn.expert_stack)


def _analog(layer):
    analog = nn.convert(layer, [nn.Rule(".*", ExactTile(), lookups=True)])
    wide = lambda _, layer: dataclasses.replace(layer, input_range=8.0 * layer.input_range)
    return nn.map_layers(analog, wide, nn.is_analog)


@pytest.mark.parametrize("name", CASES)
def test_exact_tiles_are_the_digital_layer(name: str) -> None:
    layer, inputs = CASES[name]
    analog = _analog(layer)
    assert nn.analog_layers(analog)

    def outputs(layer, analog):
        chip = nn.program(analog, key=jr.key(3))
        return [model(*inputs) for model in (layer, nn.at(chip, t=60.0, key=jr.key(4)), nn.bind(analog, jr.key(5)))]

    def total(analog):
        return sum(jnp.sum(jnp.sin(y)) for y in jax.tree.leaves(nn.bind(analog, jr.key(5))(*inputs)))

    @eqx.filter_jit
    def everything(layer, analog):
        digital = eqx.filter_grad(lambda layer: sum(jnp.sum(jnp.sin(y)) for y in jax.tree.leaves(layer(*inputs))))
        gradients = [digital(layer), nn.to_digital(eqx.filter_grad(total)(analog))]
        return outputs(layer, analog), gradients, nn.to_digital(nn.program(analog, key=jr.key(3)))

    (wanted, *found), (wanted_gradient, gradient), held = everything(layer, analog)
    for y in found:
        close(y, wanted, tolerances.PRIMITIVE)
    close(gradient, wanted_gradient, tolerances.COMPOSITE)  # sums over all vectors of an image
    close(held, layer, tolerances.PRIMITIVE)
    assert eqx.tree_equal(nn.to_digital(analog), layer)
