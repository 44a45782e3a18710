"""What convert refuses, ties and keeps; ranges and noise of layers with several matrices."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from layer_cases import CASES, WHICH, ExactTile, Stack, close

from aimcjax import devices, nn, periphery, tiles


RULES = [nn.Rule(".*", ExactTile())]
nn.to_analog.register(Stack, nn.expert_stack)


def test_lookups_wait_for_a_rule_that_asks(getkey) -> None:
    model = {"table": CASES["embedding"][0], "layer": eqx.nn.Linear(6, 3, key=getkey())}
    assert list(nn.analog_layers(nn.convert(model, RULES))) == ["layer"]
    asked = [nn.Rule("layer", None), nn.Rule(".*", ExactTile(), lookups=True)]
    assert list(nn.analog_layers(nn.convert(model, asked))) == ["table"]
    with pytest.raises(ValueError, match=r"matched no layer: \['table'\].*lookups=True\)`: \['table'\]"):
        nn.convert(model, [nn.Rule("table", ExactTile())])


def test_subclasses_with_a_call_of_their_own_are_not_taken_for_their_base(getkey) -> None:
    class Doubled(eqx.nn.Linear):
        def __call__(self, x, *, key=None):
            return 2.0 * super().__call__(x)

    class Named(eqx.nn.Linear):
        pass

    assert not nn.is_convertible(Doubled(3, 2, key=getkey()))
    assert nn.is_convertible(Named(3, 2, key=getkey()))
    assert "changes the call of Linear" in nn.summary(Doubled(3, 2, key=getkey())).layers[0].why


def test_a_converted_cell_is_not_converted_again(getkey) -> None:
    cell = nn.convert(CASES["lstm_cell"][0], RULES)
    with pytest.raises(ValueError, match=r"convertible layers: \[\]"):
        nn.convert(cell, RULES)


def test_stacked_layers_are_refused(getkey) -> None:
    stacked = eqx.filter_vmap(lambda key: eqx.nn.Linear(3, 3, key=key))(jr.split(getkey(), 4))
    with pytest.raises(ValueError, match="layer a: its weight has 3 axes, not 2; layers stacked"):
        nn.convert({"a": stacked}, RULES)


def test_steps_of_a_loop_read_with_noise_of_their_own(getkey) -> None:
    class Recurrent(eqx.Module):
        cell: eqx.nn.GRUCell

        def __call__(self, xs):
            step = lambda h, item: (nn.reused(self.cell, item[0])(item[1], h),) * 2
            return jax.lax.scan(step, jnp.zeros(4), (jnp.arange(len(xs)), xs))[1]

    # With the same noise in every step the states would come to rest.
    analog = nn.convert(Recurrent(CASES["gru_cell"][0]), [nn.Rule(".*", NOISY)])
    states = np.asarray(nn.apply(nn.program(analog, key=getkey()), jnp.zeros((1, 100, 9)), key=getkey()))[0]
    assert np.all(np.std(states[80:], axis=0) > 1e-3)


class Shared(eqx.Module):
    """A head that shares the weights of the table."""

    shared: eqx.nn.Shared

    def __init__(self, key) -> None:
        pair = (eqx.nn.Embedding(5, 6, key=key), eqx.nn.Linear(6, 5, key=key))
        self.shared = eqx.nn.Shared(pair, lambda pair: pair[1].weight, lambda pair: pair[0].weight)

    def __call__(self, x):
        table, head = self.shared()
        return head(table(x))


@pytest.mark.parametrize("lookups", [False, True])
def test_shared_weights_stay_tied(lookups: bool, getkey) -> None:
    model, x = Shared(getkey()), jnp.asarray(3)
    analog = nn.convert(model, [nn.Rule(".*", ExactTile(), lookups=lookups)])
    analog = nn.calibrate(analog, x[None], quantile=1.0)
    weights = [leaf for leaf in jax.tree.leaves(eqx.filter(analog, eqx.is_array)) if leaf.shape == (5, 6)]
    assert len(weights) == 1  # one parameter
    chip = nn.at(nn.program(analog, key=getkey()), t=60.0, key=getkey())
    for new in (nn.bind(analog, getkey()), chip):
        close(new(x), model(x), tolerances.PRIMITIVE)
    loss = lambda model: jnp.sum(nn.bind(model, jr.key(0))(x) ** 2)
    gradient, wanted = (eqx.filter_grad(loss)(m).shared.pytree[0].weight for m in (analog, model))
    close(gradient, wanted, tolerances.COMPOSITE)
    assert eqx.tree_equal(nn.to_digital(analog).shared.pytree[0], model.shared.pytree[0])
    rows = {row.name: row for row in nn.summary(analog, x).layers}
    assert rows["shared/pytree/1"].why.endswith("same array as shared/pytree/0")


def test_experts_have_input_ranges_of_their_own(getkey) -> None:
    layer = CASES["experts"][0]

    class Model(eqx.Module):
        stack: eqx.Module

        def __call__(self, x):
            return self.stack(x, WHICH)

    xs = jr.normal(getkey(), (4, 9, 9)) * 3.0 ** WHICH[None, :, None].astype(float)
    analog = nn.calibrate(nn.convert(Model(layer), RULES), xs, quantile=1.0)
    found = np.asarray(analog.stack.input_range)
    for expert in (0, 1, 2, 4):
        largest = float(jnp.max(jnp.abs(xs[:, expert == WHICH])))
        assert largest * 0.99 <= found[expert] <= largest * 1.08
    assert found[3] == 1.0  # it saw nothing
    digital, chip = Model(layer), nn.program(analog, key=getkey())
    wanted = jax.vmap(digital)(xs)
    close(nn.apply(chip, xs, key=getkey(), t=1.0) / wanted, jnp.ones_like(wanted), tolerances.COMPOSITE)


NOISY = tiles.TileDesign(device=devices.IdealDevice(), adc=periphery.UniformAdc(bits=24, noise=1e-7), rows=16, cols=16)


@pytest.mark.parametrize("name", ["conv2_groups", "experts"])
def test_all_vectors_read_with_their_own_noise(name: str, getkey) -> None:
    layer, (x, *rest) = CASES[name]
    analog = nn.convert(layer, [nn.Rule(".*", NOISY)])
    chip = nn.at(nn.program(analog, key=getkey()), t=0.0, key=getkey())
    noise = np.asarray(chip(jnp.zeros_like(x), *rest) - layer(jnp.zeros_like(x), *rest))
    assert len(np.unique(noise)) > 0.9 * noise.size
    again = jax.vmap(lambda x: chip(x, *rest))(jnp.zeros((2, *x.shape)))
    assert np.all(np.any(np.asarray(again[0] != again[1]).reshape(len(noise), -1), axis=1))


def test_to_digital_holds_what_the_chip_holds(getkey) -> None:
    device = devices.Pcm(programming=0.0, nu_mean=0.1, nu_std=0.0, accumulated=0.0, read_noise=0.0)
    design = tiles.TileDesign(device=device, dac=periphery.IdealDac(), adc=periphery.IdealAdc(), rows=8, cols=8)
    layer = CASES["conv2_groups"][0]
    analog = nn.with_compensation_strength(nn.convert(layer, [nn.Rule(".*", design)]), 0.0)
    day, t0 = 86400.0, 20.0
    drifted = nn.to_digital(analog, key=getkey(), t=day)
    fresh = nn.to_digital(nn.program(analog, key=getkey()), t=0.0)
    close(fresh, layer, tolerances.PRIMITIVE)
    assert type(drifted) is type(layer)
    close(drifted.weight / fresh.weight, jnp.full_like(fresh.weight, ((day + t0) / t0) ** -0.1), tolerances.COMPOSITE)
    close(drifted.bias, layer.bias, 0.0)


def test_compensation_and_repeated_conversion_of_stacks(getkey) -> None:
    chip = nn.program(nn.convert(CASES["conv2_groups"][0], RULES), key=getkey())
    off = nn.with_compensation_strength(chip, 0.0)
    assert float(off.matrix.compensation.strength) == 0.0
    with pytest.raises(ValueError, match="is already programmed"):
        nn.program(off, key=getkey())
    broken = eqx.tree_at(lambda layer: layer.weight, nn.convert(CASES["conv3"][0], RULES), replace_fn=lambda w: w / 0)
    named = dataclasses.replace(broken, name="stem")
    with pytest.raises(ValueError, match="layer stem: weights must be finite"):
        nn.program(named, key=getkey())


@pytest.mark.parametrize("name", ["conv2_groups", "conv3", "experts"])
def test_every_matrix_can_be_looked_at(name: str, getkey) -> None:
    layer = CASES[name][0]
    analog = nn.convert({"a": layer}, RULES)
    chip = nn.program(analog, key=getkey())
    wanted, held = nn.matrix_layers(analog), nn.matrix_layers(chip)
    assert list(wanted) == list(held) == (["a"] if name == "conv3" else [f"a[{i}]" for i in range(len(wanted))])
    assert sum(one.weight.size for one in wanted.values()) == layer.weight.size
    for key, one in wanted.items():
        x = jr.normal(getkey(), one.weight.shape[1:])
        close(held[key].at(60.0)(0.1 * x, key=getkey()), one.weight @ (0.1 * x), tolerances.PRIMITIVE)
