"""The table of a model: every parameter is in it with a reason; shares of products against counts by hand."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import pytest
from layer_cases import CASES, ExactTile, Stack

from aimcjax import nn
from aimcjax.models import VisionTransformer


RULES = [nn.Rule("head", None), nn.Rule(".*", ExactTile())]


class Mixed(eqx.Module):
    """Layers of all fates, a bare matrix, and a step that multiplies what it carries."""

    table: eqx.nn.Embedding
    conv: eqx.nn.Conv1d
    normed: eqx.nn.WeightNorm
    copied: eqx.nn.Linear
    bare: jax.Array
    norm: eqx.nn.LayerNorm
    head: eqx.nn.Linear

    def __init__(self) -> None:
        linear = eqx.nn.Linear(6, 6, use_bias=False, key=jr.key(1))
        self.table = eqx.nn.Embedding(5, 6, key=jr.key(2))
        self.conv = eqx.nn.Conv1d(4, 6, 3, groups=2, key=jr.key(3))
        self.normed = eqx.nn.WeightNorm(eqx.nn.Linear(6, 6, key=jr.key(4)))
        self.copied, self.head = linear, linear
        self.bare, self.norm = jnp.ones((6, 6)), eqx.nn.LayerNorm(6)

    def __call__(self, x):
        tokens = self.norm(jax.vmap(self.copied)(self.conv(x).T).mean(0))
        start = jnp.eye(6)  # does not depend on x in the first step, does so later
        last, _ = jax.lax.scan(lambda m, _: (m @ jnp.outer(tokens, tokens) + self.bare, None), start, length=3)
        return self.head(last @ tokens)


def test_every_layer_has_its_reason() -> None:
    table = nn.summary(nn.convert(Mixed(), RULES))
    rows = {row.name: row for row in table.layers}
    assert {name for name, row in rows.items() if row.analog} == {"conv", "copied"}
    assert rows["conv"].shape == (2, 3, 6)
    assert (rows["conv"].tiles, rows["conv"].utilisation) == (2, 36 / (2 * 35))
    assert "a look-up" in rows["table"].why
    assert "anew at every call" in rows["normed"].why
    assert rows["head"].why.startswith("kept digital")
    assert rows["head"].why.endswith("same array as copied")
    assert "no analog version of Mixed" in rows["bare"].why
    assert "element by element" in rows["norm"].why
    assert {row.name for row in table.not_convertible} == {"normed", "bare", "norm"}
    assert all(row.name in str(table) and row.why in str(table) for row in table.layers)
    assert math.isnan(table.analog_share)


def test_shares_are_those_counted_by_hand() -> None:
    table = nn.summary(nn.convert(Mixed(), RULES), jnp.ones((4, 7)))
    activity = table.activity
    assert activity.vectors == {"conv": 5, "copied": 5}
    assert activity.analog_macs == 5 * 36 + 5 * 36
    of_activations = 3 * 6**3 + 6 * 6  # the carried matrix, three times, and its last product
    assert activity.activation_macs == of_activations
    assert activity.digital_macs == of_activations + 36  # the head
    assert table.analog_share == 360 / activity.n_macs
    assert "of activations by activations" in str(table)
    assert activity.products[0].where.startswith("Mixed.__call__")
    assert ", test_summary.py:" in activity.products[0].where


@pytest.mark.parametrize("life", [lambda m: m, lambda m: nn.program(m, key=jr.key(0))], ids=["analog", "programmed"])
def test_attention_of_activations_is_never_analog(life) -> None:
    model = VisionTransformer(8, 2, 10, dim=16, depth=1, n_heads=2, mlp_ratio=2, key=jr.key(0))
    activity = nn.count_activity(life(nn.convert(model, RULES)), jnp.zeros((8, 8)))
    assert activity.activation_macs == 2 * 16 * 16 * 16
    assert activity.digital_macs - activity.activation_macs == 10 * 16


def test_rows_of_experts_count_once() -> None:
    nn.to_analog.register(Stack, nn.expert_stack)
    layer, inputs = CASES["experts"]
    activity = nn.count_activity(nn.convert(layer, RULES[1:]), inputs)
    assert activity.analog_macs == 9 * 9 * 4
    assert list(activity.vectors.values()) == [9]


def test_a_transposed_convolution_counts_its_zeros_too() -> None:
    layer, (x,) = CASES["transposed1"]
    activity = nn.count_activity(nn.convert(layer, RULES[1:]), x)
    assert list(activity.vectors.values()) == [layer(x).shape[1]]
    assert activity.digital_macs == 0
