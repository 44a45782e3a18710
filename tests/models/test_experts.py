"""Mixtures of experts: grouped against one token at a time, the losses, the work that is done."""

import itertools
import pathlib

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from contract import Entry, check_contract
from filled import filled, integers, normal

from aimcjax import chips, models, nn, tiles, training
from aimcjax.config._models import MODELS
from aimcjax.datasets import Dataset


FIXTURES = pathlib.Path(__file__).parent / "fixtures"


def _sigma(**changes):
    return filled(models.SigmaMoe, 8, 6, **({"n_experts": 5, "top_k": 2} | changes), spread=0.5)


def _mixtral(**changes):
    return filled(models.MixtralMoe, 8, 6, **({"n_experts": 5, "top_k": 2} | changes), spread=0.5)


def _naive_sigma(moe, x, chosen):
    """One token and one expert after the other, as the equation says."""
    total = []
    for token, experts in zip(x, chosen, strict=True):
        scores = jax.nn.sigmoid(moe.router.weight @ token)
        products = [scores[e] * (moe.down.weight[e] @ jax.nn.relu(moe.up.weight[e] @ token)) for e in experts]
        total.append(sum(products[1:], products[0]))
    return jnp.stack(total)


def _naive_mixtral(moe, x, chosen):
    total = []
    for token, experts in zip(x, chosen, strict=True):
        shares = jax.nn.softmax(moe.router.weight @ token)
        y = jnp.zeros_like(token)
        for e in experts:
            hidden = jax.nn.silu(moe.gate.weight[e] @ token) * (moe.up.weight[e] @ token)
            y += shares[e] / sum(shares[i] for i in experts) * (moe.down.weight[e] @ hidden)
        total.append(y)
    return jnp.stack(total)


@pytest.mark.parametrize(("build", "naive"), [(_sigma, _naive_sigma), (_mixtral, _naive_mixtral)])
def test_grouped_is_one_token_at_a_time(build, naive):
    moe, x, target = build(), *normal(2, 6, 8)
    chosen = np.argsort(-np.asarray(x) @ np.asarray(moe.router.weight).T)[:, : moe.top_k]

    def outputs(f):
        loss = lambda args: (jnp.sum((f(*args) - target) ** 2), f(*args))
        (_, y), gradients = eqx.filter_jit(eqx.filter_value_and_grad(loss, has_aux=True))((moe, x))
        return [y, *jax.tree.leaves(gradients)]

    found = outputs(lambda moe, x: moe(x)[0])
    for ours, theirs in zip(found, outputs(lambda moe, x: naive(moe, x, chosen)), strict=True):
        scale = np.max(np.abs(theirs))
        assert scale > 0.1
        np.testing.assert_allclose(ours / scale, theirs / scale, atol=tolerances.COMPOSITE)


@pytest.mark.parametrize(("n_rows", "n_experts"), [(1, 4), (3, 8), (40, 4), (300, 2)])
def test_every_row_goes_through_its_expert(n_rows, n_experts):
    stack = filled(models.ExpertLinear, n_experts, 3, 2, std=1.0, bias=True, spread=1.0)
    x = normal(n_rows, 3)
    # Evenly, at random, and all to the last: idle experts, blocks that are full and blocks that are not.
    for expert in (np.arange(n_rows) % n_experts, integers(n_experts, n_rows), np.full(n_rows, n_experts - 1)):
        weight, bias = np.asarray(stack.weight)[expert], np.asarray(stack.bias)[expert]
        expected = np.einsum("roi,ri->ro", weight, x) + bias
        np.testing.assert_allclose(stack(x, jnp.asarray(expert, jnp.int32)), expected, atol=tolerances.PRIMITIVE)


def test_only_products_of_chosen_experts_are_done():
    dim, hidden, n_tokens = 16, 32, 24
    for n_experts, top_k in itertools.product((4, 16), (1, 2)):
        moe = filled(models.SigmaMoe, dim, hidden, n_experts=n_experts, top_k=top_k)
        done = chips.count_activity(lambda x, moe=moe: moe(x)[0], jnp.zeros((n_tokens, dim))).digital_macs
        router, experts = n_tokens * dim * n_experts, n_tokens * top_k * 2 * dim * hidden
        mixing = n_tokens * top_k * dim
        # Blocks that are not full: less than one for each expert, and a block is at most twice the even share.
        assert router + experts <= done <= router + 3 * experts + mixing
        assert n_experts < 16 or done < n_tokens * n_experts * 2 * dim * hidden / 2


def test_load_balancing_loss_is_that_of_the_original():
    expected = np.load(FIXTURES / "mixtral" / "expected.npz")
    model = models.load_pretrained(FIXTURES / "mixtral")
    _, stats = eqx.filter_jit(lambda model, tokens: jax.vmap(model.with_routing)(tokens))(model, expected["tokens"])
    assert stats.load.shape == (2, 2, 4)
    np.testing.assert_allclose(models.load_balancing_loss(stats), expected["balance"], rtol=tolerances.COMPOSITE)


def test_losses_in_closed_form():
    even = models.RoutingStats(jnp.full(8, 2 / 8), jnp.full(8, 1 / 8))
    one = models.RoutingStats(jnp.eye(8)[0], jnp.eye(8)[0])
    np.testing.assert_allclose(models.load_balancing_loss(even), 2.0, rtol=tolerances.PRIMITIVE)  # top-k
    np.testing.assert_allclose(models.load_balancing_loss(one), 8.0, rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(models.routing_entropy_loss(even), -np.log(8), rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(models.routing_entropy_loss(one), 0.0, atol=tolerances.PRIMITIVE)


@pytest.mark.parametrize("loss", [models.load_balancing_loss, models.routing_entropy_loss])
def test_descent_on_a_loss_spreads_tokens(loss):
    x = normal(64, 8) + 1.0  # a common direction, which makes some experts everybody's choice
    moe = _sigma(n_experts=4, top_k=1)
    descend = lambda moe, g: jax.tree.map(lambda leaf, g: leaf - 0.3 * g, moe, g)
    step = eqx.filter_jit(lambda moe: descend(moe, eqx.filter_grad(lambda moe: loss(moe(x)[1]))(moe)))
    load = eqx.filter_jit(lambda moe: moe(x)[1].load)
    before, after = load(moe), moe
    for _ in range(60):
        after = step(after)
    after = load(after)
    np.testing.assert_allclose(np.sum(after), 1.0, rtol=tolerances.PRIMITIVE)
    assert np.max(before) > 0.55
    assert np.max(after) < np.max(before) - 0.15


def test_dropout_of_experts_leaves_the_next_best(getkey):
    moe, x = _sigma(expert_dropout=0.5, top_k=1), normal(2000, 8)
    call = eqx.filter_jit(lambda key: moe(x, key=key)[1])
    plain, dropped = call(None), call(getkey())
    np.testing.assert_allclose(dropped.probability, plain.probability, atol=tolerances.PRIMITIVE)
    # An expert is taken if it is kept and all better ones are not; if none is kept all are equal, and it is the first.
    rank = np.argsort(np.argsort(-np.asarray(x) @ np.asarray(moe.router.weight).T, axis=1), axis=1)
    expected = np.mean(0.5 ** (rank + 1.0), axis=0) + 0.5**5 * (np.arange(5) == 0)
    np.testing.assert_allclose(dropped.load, expected, atol=0.5 * tolerances.of_mean(2000))
    assert np.max(np.abs(plain.load - expected)) > 0.5 * tolerances.of_mean(2000)


def test_initial_weights_are_those_of_the_paper(getkey):
    sizes = {"n_experts": 16, "top_k": 4, "n_layers": 8}
    moe = eqx.filter_jit(lambda key: models.SigmaMoe(64, 32, **sizes, key=key))(getkey())
    for stack, expected in ((moe.up, (2 / (8 * 64)) ** 0.5), (moe.down, (2 / (8 * 32 * 16)) ** 0.5)):
        assert abs(float(jnp.std(stack.weight)) / expected - 1) < tolerances.of_std(stack.weight.size)
    norms = jnp.linalg.norm(moe.router.weight, axis=1)
    np.testing.assert_allclose(norms, (2 / 8) ** 0.5, rtol=tolerances.PRIMITIVE)


@pytest.mark.slow
def test_contract(getkey):
    moe = _mixtral(top_k=3)
    call = lambda moe, x, key: moe(x)[0] + jnp.sum(moe(x)[1].probability)
    check_contract(Entry(moe, call, normal(3, 8)), getkey())


def test_routing_stays_digital():
    model = (_sigma(), filled(eqx.nn.Linear, 8, 2))
    analog = nn.convert(model, [nn.Rule(".*", tiles.preset("ideal"))])
    assert sorted(nn.analog_layers(analog)) == ["0/down", "0/up", "1"]  # experts and linear layers, not the router


def test_a_decoder_of_a_config_converts_and_learns_on_chips():
    tokens = integers(11, 16, 6)
    data = Dataset("text", tokens, np.roll(tokens, -1, 1), tokens, tokens, tuple(map(str, range(11))))
    sizes = {"dim": 8, "n_layers": 1, "n_heads": 2, "n_kv_heads": 1, "hidden": 6, "n_experts": 4, "top_k": 2}
    model = MODELS["sigma_moe"](type="sigma_moe", **sizes).build(data, jr.key(0))
    analog = nn.convert(model, [nn.Rule(".*", tiles.WeightLevelTile(rows=16, cols=16, adc=None))])
    assert {"blocks/0/moe/up", "blocks/0/moe/down", "blocks/0/attention/q", "head"} <= set(nn.analog_layers(analog))
    assert analog.blocks[0].moe.up.input_range.shape == (4,)
    schedule = training.Schedule(epochs=8, batch_size=8, learning_rate=2e-2)
    with jax.numpy_dtype_promotion("standard"):  # optax is not written for strict promotion
        trained, losses = training.fit(
            models.WithRouting(analog), data.x_train, data.y_train, forward=training.hwa_forward, schedule=schedule,
            objective=training.Balanced(training.CrossEntropy(), 0.02), key=jr.key(1),
        )  # fmt: skip
    assert losses[-1] < losses[0] - 0.2
    assert np.any(trained.model.blocks[0].moe.router.weight != model.blocks[0].moe.router.weight)
    assert isinstance(nn.to_digital(trained.model), models.SigmaDecoder)


@pytest.mark.parametrize("top_k", [0, 6])
def test_impossible_choices_are_refused(top_k):
    for build in (_sigma, _mixtral):
        with pytest.raises(ValueError, match=f"between one and all experts, got top_k={top_k} of 5"):
            build(top_k=top_k)
