"""Digital convolutions as products with patches."""

import equinox as eqx
import jax
import jax.random as jr
import pytest
import tolerances
from layer_cases import CASES, close

from aimcjax import nn


@pytest.mark.parametrize("name", [name for name, (layer, _) in CASES.items() if isinstance(layer, eqx.nn.Conv)])
def test_products_with_patches_are_the_convolution(name: str) -> None:
    layer, (x,) = CASES[name]
    assert not isinstance(nn.with_patches(layer), eqx.nn.Conv)
    both = eqx.filter_jit(lambda layer, x: (layer(x), nn.with_patches(layer)(x)))
    wanted, found = both(layer, x)
    close(found, wanted, tolerances.PRIMITIVE)


def test_no_convolution_is_left_in_the_program(getkey) -> None:
    net = eqx.nn.Sequential([eqx.nn.Conv2d(1, 2, 3, key=getkey()), eqx.nn.Lambda(jax.nn.relu)])
    image = jr.normal(getkey(), (1, 6, 6))
    assert "conv_general_dilated" in str(jax.make_jaxpr(net)(image))
    assert "conv_general_dilated" not in str(jax.make_jaxpr(nn.with_patches(net))(image))


def test_layers_that_compute_something_else_stay(getkey) -> None:
    class Doubled(eqx.nn.Conv2d):
        def __call__(self, x, *, key=None):
            return 2.0 * super().__call__(x)

    doubled, normed = Doubled(1, 2, 3, key=getkey()), eqx.nn.WeightNorm(eqx.nn.Conv2d(1, 2, 3, key=getkey()))
    model = {"subclass": doubled, "normed": normed, "linear": eqx.nn.Linear(3, 2, key=getkey())}
    assert eqx.tree_equal(nn.with_patches(model), model)
