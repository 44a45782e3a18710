"""Conversion by rules, the three lives of a layer, and what a gradient may touch."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from contract import Entry, check_contract

from aimcjax import nn, tiles
from aimcjax.models import Mlp, VisionTransformer


IDEAL = tiles.preset("ideal")


def _vit(key):
    return VisionTransformer(8, 2, 10, dim=16, depth=1, n_heads=2, mlp_ratio=2, key=key)


@pytest.mark.parametrize("design", ["ideal", "standard_pcm"])
def test_layer_contract(design: str, getkey) -> None:
    layer = nn.convert(eqx.nn.Linear(6, 4, key=getkey()), [nn.Rule(".*", tiles.preset(design))])

    def call(layer, x, key):
        key_program, key_read = jr.split(key)
        return layer.program(key=key_program).at(60.0)(x, key=key_read) + layer(x, key=key)

    check_contract(Entry(layer, call, jnp.linspace(-0.9, 0.9, 6)), getkey())


def test_ideal_chip_is_the_digital_model(getkey) -> None:
    model, xs = _vit(getkey()), jr.uniform(getkey(), (5, 8, 8))
    analog = nn.calibrate(nn.convert(model, [nn.Rule(".*", IDEAL)]), xs)
    digital, program = jax.jit(jax.vmap(model))(xs), eqx.filter_jit(nn.program)
    apply = eqx.filter_jit(lambda model, key, t: nn.apply(model, xs, key=key, t=t))
    for t in (0.0, 3.0e7):
        chip = apply(program(analog, key=getkey()), getkey(), jnp.asarray(t))
        np.testing.assert_allclose(np.asarray(chip), np.asarray(digital), atol=tolerances.PRIMITIVE)
    trained = eqx.filter_jit(lambda model, key: nn.apply(model, xs, key=key))(analog, getkey())
    np.testing.assert_allclose(np.asarray(trained), np.asarray(digital), atol=tolerances.PRIMITIVE)


def test_rules_first_match_wins_and_none_stays_digital(getkey) -> None:
    small = tiles.TileDesign(rows=8, cols=8)
    rules = [nn.Rule("head", None), nn.Rule("blocks/0/mlp/.*", small), nn.Rule(".*", tiles.TileDesign())]
    analog = nn.convert(_vit(getkey()), rules)
    layers = nn.analog_layers(analog)
    assert list(layers) == [
        "embed",
        *(f"blocks/0/{n}" for n in ("attention/qkv", "attention/out", "mlp/up", "mlp/down")),
    ]
    assert layers["blocks/0/mlp/up"].design.rows == 8
    assert layers["embed"].design.rows == 256
    assert isinstance(analog.head, eqx.nn.Linear)
    assert isinstance(analog, VisionTransformer)


def test_unused_rules_are_refused(getkey) -> None:
    with pytest.raises(
        ValueError, match=r"matched no layer: \['layers/9'\]; convertible layers: \['layers/0', 'layers/1'\]"
    ):
        nn.convert(Mlp(4, 2, (3,), key=getkey()), [nn.Rule("layers/9", IDEAL), nn.Rule(".*", IDEAL)])
    with pytest.raises(ValueError, match="is not a regular expression"):
        nn.Rule("(", IDEAL)


def test_one_more_analog_layer_changes_no_other_layers_noise(getkey) -> None:
    model, key = Mlp(6, 3, (5,), key=getkey()), getkey()
    all_layers = nn.program(nn.convert(model, [nn.Rule(".*", tiles.TileDesign())]), key=key)
    one_layer = nn.program(nn.convert(model, [nn.Rule("layers/1", tiles.TileDesign()), nn.Rule(".*", None)]), key=key)
    a, b = nn.analog_layers(all_layers)["layers/1"], nn.analog_layers(one_layer)["layers/1"]
    assert eqx.tree_equal(a.matrix.tiles, b.matrix.tiles)


def test_vectors_and_samples_read_with_their_own_noise(getkey) -> None:
    layer = nn.convert(eqx.nn.Linear(6, 4, key=getkey()), [nn.Rule(".*", tiles.TileDesign())])
    chip = nn.at(nn.program(layer, key=getkey()), t=0.0, key=getkey())
    tokens = jax.vmap(chip)(jnp.ones((8, 6)))  # one bound key, equal vectors
    assert len(np.unique(np.asarray(tokens), axis=0)) > 1
    samples = nn.apply(chip, jnp.ones((8, 6)), key=getkey())
    assert len(np.unique(np.asarray(samples), axis=0)) > 1


def test_without_a_key_the_error_says_what_to_do(getkey) -> None:
    chip = nn.at(nn.program(nn.convert(Mlp(4, 2, (), key=getkey()), [nn.Rule(".*", IDEAL)]), key=getkey()), t=0.0)
    with pytest.raises(ValueError, match=r"'layers/0' has no read key: call the model through `aimcjax.nn.apply"):
        chip(jnp.ones(4))


def test_misuse_is_named(getkey) -> None:
    model = Mlp(4, 2, (), key=getkey())
    with pytest.raises(ValueError, match="has no analog layers"):
        nn.program(model, key=getkey())
    analog = nn.convert(model, [nn.Rule(".*", IDEAL)])
    chip = nn.program(analog, key=getkey())
    with pytest.raises(ValueError, match="layers/0 is already programmed"):
        nn.program(chip, key=getkey())
    broken = eqx.tree_at(lambda m: m.layers[0].weight, analog, jnp.full((2, 4), jnp.nan))
    with pytest.raises(ValueError, match="layer layers/0: weights must be finite, got 8 NaN"):
        nn.program(broken, key=getkey())


def test_inputs_that_do_not_fit_are_named(as_installed, getkey) -> None:
    analog = nn.convert(Mlp(4, 2, (), key=getkey()), [nn.Rule(".*", IDEAL)])
    chip = nn.program(analog, key=getkey())
    with pytest.raises(ValueError, match=r"rule '\.\*': its design is a tile, .*, got str 'ideal'"):
        nn.Rule(".*", "ideal")
    for shape in ((3, 5), (3, 1, 4)):  # the second would fit by its size
        with pytest.raises(ValueError, match="layer layers/0 multiplies one vector of 4, got an input of shape"):
            nn.apply(chip.layers[0], jnp.ones(shape), key=getkey())
    with pytest.raises(ValueError, match="samples along a leading axis, got a scalar"):
        nn.apply(chip, jnp.ones(()), key=getkey())
    with pytest.raises(ValueError, match=r"calibration needs data, got samples of shape \(0, 4\)"):
        nn.calibrate(analog, jnp.ones((0, 4)))


def test_time_is_never_ignored(getkey) -> None:
    analog = nn.convert(Mlp(4, 2, (), key=getkey()), [nn.Rule(".*", tiles.TileDesign())])
    chip, xs = nn.program(analog, key=getkey()), jnp.ones((2, 4))
    with pytest.raises(ValueError, match="layers/0 is not programmed; `at` takes"):
        nn.apply(analog, xs, key=getkey(), t=1e9)
    with pytest.raises(ValueError, match="layers/0 is aged already"):
        nn.apply(nn.at(chip, t=20.0), xs, key=getkey(), t=1e9)


def test_two_layers_of_one_name_are_refused(getkey) -> None:
    half = nn.convert(Mlp(4, 2, (), key=getkey()), [nn.Rule(".*", IDEAL)])
    with pytest.raises(ValueError, match=r"two analog layers are called 'layers/0' \(one at b/layers/0\)"):
        nn.program({"a": half, "b": half}, key=getkey())


def test_calibration_refuses_wild_inputs(getkey) -> None:
    analog = nn.convert(Mlp(4, 2, (3,), key=getkey()), [nn.Rule(".*", IDEAL)])
    with pytest.raises(ValueError, match="must be finite"):
        nn.calibrate(analog, jnp.asarray([[1.0, jnp.nan, 0.0, 0.0]]))
    with pytest.raises(ValueError, match="inputs of layer layers/0 are NaN or larger than 10000"):
        nn.calibrate(analog, jnp.full((3, 4), 1e6))


def test_calibration_finds_the_quantile_under_vmap_and_scan(getkey) -> None:
    class Tokens(eqx.Module):
        layer: eqx.nn.Linear

        def __call__(self, x):  # the same layer under vmap and again inside a scan
            y = jax.vmap(self.layer)(x)
            _, z = jax.lax.scan(lambda carry, row: (carry, self.layer(row)), 0.0, x)
            return jnp.sum(y + z)

    xs = jr.normal(getkey(), (50, 7, 4))
    analog = nn.convert(Tokens(eqx.nn.Linear(4, 3, key=getkey())), [nn.Rule(".*", IDEAL)])
    for quantile in (0.5, 0.9, 1.0):
        found = float(nn.calibrate(analog, xs, quantile=quantile).layer.input_range)
        exact = float(np.quantile(np.abs(np.asarray(xs)), quantile))
        assert exact * 0.99 <= found <= exact * 1.08  # bins of 7 %
    power = nn.input_power(nn.calibrate(analog, xs, quantile=1.0), xs)["layer"]
    np.testing.assert_allclose(power, np.mean(np.asarray(xs) ** 2) / np.max(np.abs(np.asarray(xs))) ** 2, rtol=0.15)


def test_trainable_leaves(getkey) -> None:
    analog = nn.convert(Mlp(4, 2, (3,), key=getkey()), [nn.Rule(".*", tiles.TileDesign())])
    trained = eqx.filter(analog, nn.trainable(analog))
    shapes = sorted(leaf.shape for leaf in jax.tree.leaves(trained))
    assert shapes == sorted([(3, 4), (3,), (), (2, 3), (2,), ()])  # weights, biases, input ranges; no physics


@pytest.mark.parametrize("use_bias", [True, False])
def test_to_digital_is_the_reverse(use_bias: bool, getkey) -> None:
    model = {"a": eqx.nn.Linear(4, 3, use_bias=use_bias, key=getkey())}
    assert eqx.tree_equal(nn.to_digital(nn.convert(model, [nn.Rule(".*", IDEAL)])), model)
