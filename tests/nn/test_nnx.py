"""Layers and models of Flax NNX on tiles, in graph and in tree mode."""

import dataclasses

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from flax import nnx
from layer_cases import ExactTile, close
from nnx_cases import CASES

from aimcjax import nn


def _analog(layer):
    analog = nn.convert(layer, [nn.Rule(".*", ExactTile(), lookups=True)])
    wide = lambda _, layer: dataclasses.replace(layer, input_range=8.0 * layer.input_range)
    return nn.map_layers(analog, wide, nn.is_analog)


def _scalar(y):
    return sum(jnp.sum(jnp.sin(y)) for y in jax.tree.leaves(y))


@pytest.mark.parametrize("name", CASES)
def test_exact_tiles_are_the_digital_layer(name: str) -> None:
    layer, inputs = CASES[name]
    analog = _analog(layer)
    assert nn.analog_layers(analog)
    paths = lambda layer: [path for path, _ in nnx.to_flat_state(nnx.state(layer, nnx.Param))]
    assert paths(analog) == paths(layer)  # so checkpoints fit

    @jax.jit
    def everything(layer, analog):
        chip = nn.program(analog, key=jr.key(3))
        found = [layer(*inputs), nn.at(chip, t=60.0, key=jr.key(4))(*inputs), nn.bind(analog, jr.key(5))(*inputs)]
        graph, parameters, rest = nnx.split(analog, nnx.Param, ...)
        total = lambda parameters: _scalar(nn.bind(nnx.merge(graph, parameters, rest), jr.key(5))(*inputs))
        graph_digital, own, others = nnx.split(layer, nnx.Param, ...)
        digital = lambda parameters: _scalar(nnx.merge(graph_digital, parameters, others)(*inputs))
        return found, jax.grad(digital)(own), jax.grad(total)(parameters), nnx.state(nn.to_digital(chip), nnx.Param)

    (wanted, *found), wanted_gradient, gradient, held = everything(layer, analog)
    for y in found:
        close(y, wanted, tolerances.PRIMITIVE)
    close(gradient, wanted_gradient, tolerances.COMPOSITE)  # sums over all vectors of an image
    close(held, nnx.state(layer, nnx.Param), tolerances.PRIMITIVE)
    back = nn.to_digital(analog)
    assert type(back) is type(layer)
    close(nnx.state(back, nnx.Param), nnx.state(layer, nnx.Param), 0.0)
    close(back(*inputs), layer(*inputs), 0.0)


class Model(nnx.Module):
    """A convolution, attention, a table and a head with the table's weights, and a layer that is used twice."""

    def __init__(self, tied: bool) -> None:
        rngs = nnx.Rngs(1)
        self.conv = nnx.Conv(3, 6, 3, rngs=rngs)
        self.blocks = nnx.List([nnx.Linear(6, 6, rngs=rngs)])
        self.again = self.blocks[0] if tied else nnx.Linear(6, 6, rngs=rngs)
        self.norm = nnx.LayerNorm(6, rngs=rngs)
        self.head = nnx.Einsum("...i,oi->...o", (4, 6), rngs=rngs)
        self.table = nnx.Embed(4, 6, rngs=rngs)
        if tied:
            self.head.kernel = self.table.embedding

    def __call__(self, x):
        y = nnx.relu(self.blocks[0](self.conv(x)))
        return self.head(self.norm(y + self.again(y)))


XS = jr.normal(jr.key(9), (5, 7, 3))
RULES = [nn.Rule("blocks/0", None), nn.Rule(".*", ExactTile())]


@pytest.fixture(params=[True, False], ids=["graph", "tree"])
def mode(request: pytest.FixtureRequest):
    with nnx.set_graph_mode(request.param):
        yield request.param


def test_verbs_in_both_modes(mode: bool, getkey) -> None:
    model = Model(tied=False)
    digital = model(XS)
    analog = nn.calibrate(nn.convert(model, RULES), XS, quantile=1.0)
    assert list(nn.analog_layers(analog)) == ["again", "conv", "head"]
    assert isinstance(analog.blocks[0], nnx.Linear)
    assert isinstance(analog.table, nnx.Embed)
    np.testing.assert_allclose(nn.input_power(analog, XS)["conv"], jnp.mean(XS**2) / jnp.max(XS**2), rtol=0.2)
    chip = nn.program(analog, key=getkey())
    close(nn.apply(chip, XS, key=getkey(), t=60.0), digital, tolerances.PRIMITIVE)
    aged = nn.at(chip, t=60.0, key=getkey())
    for run in (nnx.jit, jax.jit):
        close(run(lambda model, xs: model(xs))(aged, XS), digital, tolerances.PRIMITIVE)
    graph, state = nnx.split(aged)
    close(nnx.merge(graph, state)(XS), digital, tolerances.PRIMITIVE)
    close(nn.to_digital(aged)(XS), digital, tolerances.PRIMITIVE)


def test_training_and_checkpoints_in_both_modes(mode: bool, getkey) -> None:
    analog = nn.convert(Model(tied=False), RULES)
    other = Model(tied=False)
    other.conv.kernel[...] = 2.0 * other.conv.kernel[...]
    nnx.update(analog, nnx.state(other, nnx.Param))  # a digital checkpoint, unchanged
    close(analog.conv.kernel[...], other.conv.kernel[...], 0.0)
    graph, parameters, rest = nnx.split(analog, nnx.Param, ...)

    @jax.jit
    def step(parameters):
        loss = lambda p: jnp.mean((nn.apply(nnx.merge(graph, p, rest), XS, key=jr.key(1)) - 1.0) ** 2)
        value, gradient = jax.value_and_grad(loss)(parameters)
        return value, jax.tree.map(lambda p, g: p - 0.05 * g, parameters, gradient)

    losses = []
    for _ in range(4):
        value, parameters = step(parameters)
        losses.append(float(value))
    assert all(np.diff(losses) < 0)
    assert len(jax.tree.leaves(parameters)) == len(jax.tree.leaves(nnx.state(other, nnx.Param)))


def test_tied_weights_stay_tied(getkey) -> None:
    model = Model(tied=True)
    analog = nn.convert(model, [nn.Rule("blocks.*|again|head|table", ExactTile(), lookups=True)])
    chip = nn.program(analog, key=getkey())
    for new in (analog, chip, nn.to_digital(chip), nn.to_digital(analog)):
        assert new.again is new.blocks[0]  # one layer, programmed once
    assert analog.head.kernel is analog.table.embedding is model.head.kernel
    back = nn.to_digital(analog)
    assert back.head.kernel is back.table.embedding
    with pytest.raises(ValueError, match="cannot `attend`"):
        analog.table.attend(jnp.ones(6))


def test_a_recurrent_network_is_calibrated_and_counted(mode: bool) -> None:
    network, xs = nnx.RNN(nnx.GRUCell(6, 4, rngs=nnx.Rngs(0))), jr.normal(jr.key(1), (3, 2, 5, 6))
    analog = nn.calibrate(nn.convert(network, [nn.Rule(".*", ExactTile())]), xs, quantile=1.0)
    found = float(nn.analog_layers(analog)["cell/dense_i"].input_range)
    assert 0.99 <= found / float(jnp.max(jnp.abs(xs))) <= 1.08  # bins of 7 %
    assert set(nn.count_activity(analog, xs[0]).vectors.values()) == {2 * 5}


def test_layers_whose_weights_another_makes_stay_digital(mode: bool, getkey) -> None:
    rngs = nnx.Rngs(0)
    weight, spectral = (norm(nnx.Linear(6, 4, rngs=rngs), rngs=rngs) for norm in (nnx.WeightNorm, nnx.SpectralNorm))
    model = nnx.Sequential(weight, nnx.Linear(4, 6, rngs=rngs), spectral)
    chip = nn.program(nn.convert(model, [nn.Rule(".*", ExactTile())]), key=getkey())
    assert list(nn.analog_layers(chip)) == ["layers/1"]
    rows = [row for row in nn.summary(chip).layers if not row.analog]
    assert [row.name for row in rows] == ["layers/0", "layers/2"]
    assert all("anew at every call" in row.why and row.shape == (6, 4) for row in rows)


def test_a_call_that_asks_for_something_else_is_refused(getkey) -> None:
    layer = nnx.Einsum("td,df->tf", (6, 4), rngs=nnx.Rngs(0))
    analog = nn.bind(nn.convert(layer, [nn.Rule(".*", ExactTile())]), getkey())
    with pytest.raises(ValueError, match="call it without `einsum_str`"):
        analog(jnp.ones((5, 6)), einsum_str="td,df->ft")


def test_optimiser_changes_weights_only(getkey) -> None:
    optax = pytest.importorskip("optax")
    analog = nn.convert(Model(tied=False), RULES)
    optimizer = nnx.Optimizer(analog, optax.sgd(0.1), wrt=nnx.Param)
    before = jax.tree.map(jnp.copy, nnx.state(analog))
    loss = lambda model: jnp.mean(nn.bind(model, jr.key(2))(XS[0]) ** 2)
    optimizer.update(analog, nnx.jit(nnx.grad(loss))(analog))
    after = nnx.state(analog)
    assert bool(jnp.any(after["conv"]["kernel"][...] != before["conv"]["kernel"][...]))
    for name in ("analog_state", "input_range"):
        close(after["conv"][name], before["conv"][name], 0.0)


def test_variants_without_analog_version_are_refused(getkey) -> None:
    rngs = nnx.Rngs(0)
    for layer, message in [
        (nnx.Conv(2, 2, 3, mask=jnp.ones((3, 2, 2)), rngs=rngs), "has a mask on its kernel"),
        (nnx.Linear(2, 2, dot_general=lambda *a, **k: a, rngs=rngs), "multiplies with its own `dot_general`"),
        (nnx.Einsum("ti,ij->ti", (2, 2), rngs=rngs), "is no product with matrices"),
        (nnx.vmap(lambda rngs: nnx.Linear(2, 2, rngs=rngs))(rngs.split(3)), "has 3 axes, not 2; layers stacked"),
    ]:
        with pytest.raises(ValueError, match=message):
            nn.convert({"layer": layer}, [nn.Rule(".*", ExactTile())])
