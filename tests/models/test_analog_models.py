"""Models on tiles: what is converted, programmed once, and read with noise of its own."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from contract import Entry, check_contract
from filled import filled, integers, normal

from aimcjax import models, nn, tiles
from aimcjax.nn import reused
from aimcjax.periphery import UniformAdc
from aimcjax.units import V, uS


ENCODER = {"vocab_size": 11, "n_positions": 8, "dim": 8, "n_heads": 2, "hidden": 12}
NAMES = {f"attention/{name}" for name in ("q", "k", "v", "out")} | {"up", "down"}
IDEAL = tiles.preset("ideal")


def _albert(n_layers):
    return filled(models.Albert, models.AlbertConfig(**ENCODER, embedding_dim=4, n_layers=n_layers))


def _convert(model, design=IDEAL):
    return nn.convert(model, [nn.Rule(".*", design)])


def test_layers_that_albert_shares_are_programmed_once():
    expected = {"widen", "masked_lm/transform"} | {f"block/{name}" for name in NAMES}
    sizes = []
    for n_layers in (1, 5):
        analog = _convert(_albert(n_layers))
        assert set(nn.analog_layers(analog)) == expected
        chip = eqx.filter_eval_shape(lambda analog: nn.program(analog, key=jr.key(0)), analog)
        sizes.append(sum(leaf.size for leaf in jax.tree.leaves(chip) if hasattr(leaf, "size")))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize(
    ("model", "xs"),
    [
        (_albert(2), integers(11, 3, 6)),
        (filled(models.Lstm, 3, 2, hidden=4, n_layers=2), normal(3, 5, 3)),
    ],
    ids=["albert", "lstm"],
)
def test_an_ideal_chip_is_the_digital_model(model, xs, getkey):
    analog = nn.calibrate(_convert(model), xs, quantile=1.0)
    chip = eqx.filter_jit(lambda analog, xs, key: nn.apply(nn.program(analog, key=key), xs, key=key, t=60.0))
    digital = eqx.filter_jit(lambda model, xs: jax.vmap(model)(xs))(model, xs)
    found = chip(analog, xs, getkey())
    np.testing.assert_allclose(found, digital, atol=tolerances.PRIMITIVE * max(1.0, np.max(np.abs(digital))))


def test_steps_of_an_lstm_read_with_noise_of_their_own(getkey):
    # Without noise of their own all steps would add the same, and the states would come to rest.
    layer = filled(models.Lstm, 3, 2, hidden=4).layers[0]
    noisy = dataclasses.replace(IDEAL, adc=UniformAdc(bits=12, i_max=10 * uS * V, noise=0.04 * uS * V))
    analog = nn.convert(layer, [nn.Rule("recurrent", noisy)])
    chip = nn.at(nn.program(analog, key=getkey()), t=60.0, key=getkey())
    states = np.asarray(eqx.filter_jit(lambda chip: chip(jnp.zeros((200, 3))))(chip))
    assert np.all(np.std(states[100:], axis=0) > 1e-4)
    still = _convert(layer, IDEAL)
    assert eqx.tree_equal(reused(still, 1), still)  # no key is bound
    assert eqx.tree_equal(reused(layer, 1), layer)


def test_lstm_is_that_of_equinox():
    model, xs = filled(models.Lstm, 3, 2, hidden=4), normal(6, 3)
    layer, cell = model.layers[0], filled(eqx.nn.LSTMCell, 3, 4)
    parts = lambda cell: (cell.weight_ih, cell.weight_hh, cell.bias)
    cell = eqx.tree_at(parts, cell, (layer.input.weight, layer.recurrent.weight, layer.input.bias))
    state = (jnp.zeros(4), jnp.zeros(4))
    for x in xs:
        state = cell(x, state)
    np.testing.assert_allclose(model(xs), model.head(state[0]), atol=tolerances.PRIMITIVE)


@pytest.mark.slow
def test_lstm_contract(getkey):
    model = filled(models.Lstm, 3, 2, hidden=4)
    check_contract(Entry(model, lambda model, x, key: model(x), normal(4, 3), smooth=True), getkey())


def test_forget_gates_start_open(getkey):
    bias = eqx.filter_jit(lambda key: models.Lstm(3, 2, hidden=4, key=key))(getkey()).layers[0].input.bias
    np.testing.assert_array_equal(bias, np.repeat([0.0, 1.0, 0.0, 0.0], 4))


def test_residual_network_has_the_published_size():
    # 0.27 million for 20 layers (He et al., 2016, table 6), whose shortcuts have no weights; ours are 1x1 convolutions.
    model = eqx.filter_eval_shape(models.ResNet, 3, 10, key=jr.key(0))
    n_layers = 2 + sum(2 for _ in model.blocks)
    n_shortcuts = 16 * 32 + 32 * 64
    size = sum(leaf.size for leaf in jax.tree.leaves(model) if hasattr(leaf, "size")) - n_shortcuts
    assert n_layers == 20
    assert round(size / 1e6, 2) == 0.27


def test_residual_network():
    model = filled(models.ResNet, 1, 10, widths=(4, 8), n_blocks=1, groups=2)
    call = eqx.filter_jit(lambda model, x: model(x))
    x = normal(4, 6, 6)
    norm = lambda block: (block.norm2.weight, block.norm2.bias)
    silent = eqx.tree_at(norm, model.blocks[0], (jnp.zeros(4), jnp.zeros(4)))
    np.testing.assert_allclose(call(silent, x), np.maximum(x, 0), atol=tolerances.PRIMITIVE)  # only the shortcut
    assert jax.eval_shape(model.blocks[1], x).shape == (8, 3, 3)
    image = normal(6, 6)
    logits = call(model, image)
    assert logits.shape == (10,)
    np.testing.assert_array_equal(logits, call(model, image[None]))


def test_a_head_reads_means_over_parts_of_the_image(getkey):
    model = filled(models.ResNet, 1, 10, widths=(4,), n_blocks=1, groups=2, stem_size=5, stem_stride=2, pool=3)
    assert model.head.weight.shape == (10, 9 * 4)
    silent = jax.tree.map(jnp.zeros_like, eqx.filter(model.blocks, eqx.is_array))
    still = eqx.tree_at(lambda it: it.blocks, model, eqx.combine(silent, model.blocks))  # only the shortcuts
    image = normal(13, 13)
    last = np.maximum(model.norm(model.stem(image[None])), 0)  # 7x7 pixels
    parts = [slice(0, 2), slice(2, 4), slice(4, 7)]
    means = np.asarray([[[channel[a, b].mean() for b in parts] for a in parts] for channel in np.asarray(last)])
    expected = model.head.weight @ means.ravel() + model.head.bias
    np.testing.assert_allclose(eqx.filter_jit(still)(image), expected, atol=tolerances.COMPOSITE)
    with pytest.raises(ValueError, match="3x3 parts of an image of \\(2, 2\\); lower `pool`"):
        model(normal(3, 3))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda key: models.ResNet(1, 10, widths=(12,), key=key), "multiples of the 8 groups of a norm"),
        (lambda key: models.ResNet(1, 0, key=key), "sizes are at least one"),
        (lambda key: models.ResNet(1, 10, pool=0, key=key), "sizes are at least one, got 1, 10, .*, 3, 8, 3, 1, 0"),
        (lambda key: models.ResNet(1, 10, stem_size=4, key=key), "stem_size is odd, got 4"),
        (lambda key: models.Lstm(1, 2, hidden=0, key=key), "sizes are at least one, got 1, 2, 0, 1"),
        (lambda key: models.Mlp(4, 2, (0,), key=key), "sizes are at least one, got 4, 0, 2"),
        (
            lambda key: models.VisionTransformer(8, 2, 10, dim=8, depth=1, n_heads=0, mlp_ratio=2, key=key),
            "sizes are at least one, got 8, 2, 10, 8, 1, 0, 2",
        ),
    ],
)
def test_impossible_sizes_are_refused(build, message, getkey):
    with pytest.raises(ValueError, match=message):
        build(getkey())
