"""Adapters: what they compute, where they go, and that nothing else moves."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax import nn, tiles
from aimcjax.models import Mlp


TILE = tiles.preset("ideal")
RULES = [nn.Rule(".*", TILE)]
KINDS = ["lora", "loha"]


def _filled(model):
    """Adapters as if trained: no factor is zero."""
    arrays, rest = eqx.partition(model, nn.trainable_adapters(model))
    rng = np.random.default_rng(0)
    return eqx.combine(
        jax.tree.map(lambda leaf: leaf + rng.normal(0, 0.3, leaf.shape).astype(leaf.dtype), arrays), rest
    )


def _delta(adapter) -> np.ndarray:
    """Of the papers, in double precision."""
    f = {k: np.asarray(v, np.float64) for k, v in vars(adapter).items() if eqx.is_array(v)}
    scale = adapter.alpha / (f["a"] if "a" in f else f["a1"]).shape[0]
    return scale * (f["b"] @ f["a"] if "a" in f else (f["b1"] @ f["a1"]) * (f["b2"] @ f["a2"]))


@pytest.mark.parametrize("kind", KINDS)
def test_closed_form_merging_and_no_effect_at_first(kind: str, getkey) -> None:
    model, xs = Mlp(6, 3, (5,), key=getkey()), jr.normal(getkey(), (4, 6))
    adapted = nn.adapt(model, [".*"], rank=2, alpha=3.0, kind=kind, key=getkey())
    np.testing.assert_array_equal(np.asarray(jax.vmap(adapted)(xs)), np.asarray(jax.vmap(model)(xs)))
    adapted = _filled(adapted)
    y = np.asarray(xs, np.float64)
    for index, (layer, adapter) in enumerate(zip(model.layers, adapted.layers, strict=True)):
        w, b = np.asarray(layer.weight, np.float64), np.asarray(layer.bias, np.float64)
        y = y @ (w + _delta(adapter)).T + b
        y = np.maximum(y, 0) if index == 0 else y
    np.testing.assert_allclose(np.asarray(jax.vmap(adapted)(xs)), y, rtol=tolerances.PRIMITIVE, atol=1e-5)
    np.testing.assert_allclose(np.asarray(jax.vmap(nn.merge(adapted))(xs)), y, rtol=tolerances.PRIMITIVE, atol=1e-5)
    assert jax.tree.structure(nn.merge(adapted)) == jax.tree.structure(model)


def test_before_or_after_conversion_is_the_same_chip(getkey) -> None:
    model, key, key_chip = Mlp(5, 3, (), key=getkey()), getkey(), getkey()
    first = nn.convert(nn.adapt(model, ["layers/0"], rank=2, key=key), RULES)
    later = nn.adapt(nn.convert(model, RULES), ["layers/0"], rank=2, key=key)
    assert eqx.tree_equal(first, later)
    first = _filled(first)
    chip = nn.program(first, key=key_chip)
    on_chip = nn.attach(nn.program(nn.detach(first), key=key_chip), nn.adapters_of(first))
    assert eqx.tree_equal(chip, on_chip)
    x, key_read, one = jnp.linspace(-1.0, 1.0, 5), getkey(), nn.at(chip, t=60.0).layers[0]
    beside = one.base(x, key=key_read) + jnp.asarray(_delta(one), jnp.float32) @ x
    np.testing.assert_allclose(np.asarray(one(x, key=key_read)), np.asarray(beside), atol=tolerances.PRIMITIVE)
    assert isinstance(nn.to_digital(first).layers[0], nn.LoRA)
    with pytest.raises(ValueError, match="layer layers/0 is programmed: merging its adapter would write its cells"):
        nn.merge(chip)


def test_summary_and_activity_tell_adapters_from_tiles(getkey) -> None:
    adapted = nn.adapt(nn.convert(Mlp(6, 3, (5,), key=getkey()), RULES), ["layers/0"], rank=2, key=getkey())
    found = nn.summary(adapted, jnp.zeros(6))
    rows = {row.name: row for row in found.layers}
    assert (rows["layers/0"].analog, rows["layers/0/adapter"].analog, rows["layers/0/adapter"].kind) == (
        True,
        False,
        "LoRA",
    )
    assert found.activity is not None
    assert (found.activity.analog_macs, found.activity.digital_macs) == (6 * 5 + 5 * 3, 2 * (6 + 5))
    assert found.activity.vectors == {"layers/0": 1, "layers/1": 1}


def test_recurrent_cells_multiply_by_adapted_matrices(getkey) -> None:
    cell = nn.convert(eqx.nn.GRUCell(3, 4, key=getkey()), RULES)
    adapted = _filled(nn.adapt(cell, ["weight_ih"], rank=2, key=getkey()))
    x, h = jnp.linspace(-0.5, 0.5, 3), jnp.linspace(-0.4, 0.4, 4)
    merged = np.asarray(nn.to_digital(nn.merge(adapted))(x, h))
    np.testing.assert_allclose(np.asarray(nn.to_digital(adapted)(x, h)), merged, atol=tolerances.PRIMITIVE)
    assert eqx.tree_equal(nn.merge(nn.to_digital(adapted)), nn.to_digital(nn.merge(adapted)))
    assert [row.name for row in nn.summary(adapted).layers if row.analog] == ["weight_ih", "weight_hh"]


def test_calibration_sees_what_adapters_do(getkey) -> None:
    model, xs = Mlp(6, 3, (5,), key=getkey()), jr.normal(getkey(), (4, 6))
    adapted = _filled(nn.adapt(nn.convert(model, RULES), ["layers/0"], rank=2, key=getkey()))
    hidden = jax.vmap(nn.to_digital(nn.merge(adapted)).layers[0])(xs)
    found = float(nn.calibrate(adapted, xs, quantile=1.0).layers[1].input_range)
    assert 1.0 <= found / float(jnp.max(hidden)) < 1.08  # the next of 32 bins a decade


def test_mask_is_of_adapters_alone(getkey) -> None:
    model = nn.adapt(nn.convert(Mlp(6, 3, (5,), key=getkey()), RULES), [".*"], key=getkey())
    mask = nn.trainable_adapters(model)
    assert jax.tree.structure(mask) == jax.tree.structure(model)
    assert sorted(leaf.shape for leaf in jax.tree.leaves(eqx.filter(model, mask))) == [(3, 8), (5, 8), (8, 5), (8, 6)]
    with pytest.raises(ValueError, match="the model has no adapters"):
        nn.trainable_adapters(nn.detach(model))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 0}, "rank of an adapter is a whole number from 1, got 0"),
        ({"rank": True}, "whole number from 1, got True"),
        ({"alpha": -1.0}, "`alpha` of an adapter is a positive number, got -1.0"),
        ({"kind": "dora"}, "adapters are of kind lora or loha, got 'dora'"),
        (
            {"patterns": ["layers/0", "head"]},
            r"adapter patterns matched no layer: \['head'\]; linear layers: \['layers/0'",
        ),
        ({"patterns": ["("]}, "is not a regular expression"),
        ({"patterns": []}, "one pattern or more, as strings, got none"),
    ],
)
def test_refusals_name_what_was_given(options: dict, message: str, getkey) -> None:
    arguments = {"patterns": [".*"], **options}
    with pytest.raises(ValueError, match=message):
        nn.adapt(Mlp(6, 3, (5,), key=getkey()), key=getkey(), **arguments)


def test_adapters_that_do_not_fit_are_refused(getkey) -> None:
    model = nn.adapt(Mlp(6, 3, (5,), key=getkey()), ["layers/0"], key=getkey())
    with pytest.raises(ValueError, match="layer layers/0 has an adapter already"):
        nn.adapt(model, [".*"], key=getkey())
    with pytest.raises(ValueError, match=r"the adapter of layers/0 is for a layer of \(5, 6\), not of \(7, 6\)"):
        nn.attach(Mlp(6, 3, (7,), key=getkey()), nn.adapters_of(model))
    with pytest.raises(ValueError, match=r"no linear layer for the adapters of \['layers/0'\]"):
        nn.attach(eqx.nn.Linear(6, 5, key=getkey()), nn.adapters_of(model))
