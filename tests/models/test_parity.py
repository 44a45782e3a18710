"""Logits against those of `transformers`: frozen (see `make_fixtures.py`), and live where the extra is installed."""

import pathlib

import equinox as eqx
import jax
import jax.numpy as jnp
import make_fixtures
import numpy as np
import pytest
import tolerances

from aimcjax import models


FIXTURES = pathlib.Path(__file__).parent / "fixtures"
DECODERS = ["gpt2", "gpt2_untied", "llama", "llama3", "mixtral"]
ENCODERS = ["bert", "bert_untied", "bert_pretraining", "albert"]
every_variant = pytest.mark.parametrize("name", [*DECODERS, *ENCODERS])


@eqx.filter_jit
def logits(model, expected):
    """Of every sequence of a fixture."""
    inputs = [expected["tokens"]] + ([expected["types"], expected["mask"]] if "mask" in expected else [])
    return jax.vmap(model)(*inputs)


def test_every_variant_has_a_fixture():
    assert sorted([*DECODERS, *ENCODERS]) == sorted(make_fixtures.VARIANTS)


@every_variant
def test_logits_are_those_of_the_original(name):
    expected = dict(np.load(FIXTURES / name / "expected.npz"))
    found = logits(models.load_pretrained(FIXTURES / name), expected)
    assert np.std(expected["logits"]) > 0.1
    np.testing.assert_allclose(found, expected["logits"], rtol=0, atol=tolerances.COMPOSITE)


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_greedy_tokens_are_those_of_the_original(name):
    expected = np.load(FIXTURES / name / "expected.npz")
    model = models.load_pretrained(FIXTURES / name)
    tokens = models.generate(model, jnp.asarray(expected["tokens"][0]), expected["greedy"].shape[1])
    np.testing.assert_array_equal(tokens, expected["greedy"][0])


def test_padding_shows_in_logits():
    expected = dict(np.load(FIXTURES / "bert" / "expected.npz"))
    unmasked = logits(models.load_pretrained(FIXTURES / "bert"), expected | {"mask": np.ones_like(expected["mask"])})
    np.testing.assert_allclose(unmasked[0], expected["logits"][0], atol=tolerances.COMPOSITE)
    assert np.max(np.abs(unmasked[1, :7] - expected["logits"][1, :7])) > 0.01


def test_class_logits_are_those_of_the_original():
    expected = np.load(FIXTURES / "bert_pretraining" / "expected.npz")
    model = models.load_pretrained(FIXTURES / "bert_pretraining")
    inputs = [jnp.asarray(expected[name][1]) for name in ("tokens", "types", "mask")]
    found = eqx.filter_jit(lambda model: model.classify(*inputs))(model)
    np.testing.assert_allclose(found, expected["class_logits"][1], atol=tolerances.COMPOSITE)


@pytest.mark.parity
@every_variant
def test_the_living_original_agrees(name, tmp_path):
    # Other random parameters than the fixtures'; what we write is read by the original too.
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    theirs = make_fixtures.build(name, seed=1)
    theirs.save_pretrained(tmp_path / "theirs")
    expected = make_fixtures.expected(name, theirs, seed=1)
    ours = models.load_pretrained(tmp_path / "theirs")
    np.testing.assert_allclose(logits(ours, expected), expected["logits"], rtol=0, atol=tolerances.COMPOSITE)
    models.save_pretrained(ours, tmp_path / "ours")
    again = getattr(transformers, make_fixtures.VARIANTS[name][1]).from_pretrained(tmp_path / "ours").eval()
    with torch.no_grad():
        back = make_fixtures.expected(name, again, seed=1)
    np.testing.assert_allclose(back["logits"], expected["logits"], rtol=0, atol=tolerances.COMPOSITE)
