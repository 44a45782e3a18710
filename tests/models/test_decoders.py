"""Decoders: caches, generation, precision, published sizes."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from contract import Entry, check_contract
from filled import filled, integers
from scipy import stats

from aimcjax import models, nn, tiles
from aimcjax.models._attention import attend
from aimcjax.models._generate import _choose
from aimcjax.models._rope import rotate


SIZES = {"vocab_size": 13, "n_positions": 16, "dim": 8, "n_layers": 2, "n_heads": 2, "hidden": 12}
CONFIGS = {
    "gpt2": (models.Gpt2, models.Gpt2Config(**SIZES)),
    "llama": (models.Llama, models.LlamaConfig(**SIZES, n_kv_heads=1, head_dim=6)),
    "mixtral": (models.Mixtral, models.MixtralConfig(**SIZES, n_kv_heads=1, n_experts=3)),
    "sigma": (models.SigmaDecoder, models.SigmaDecoderConfig(**SIZES, n_kv_heads=1, n_experts=4, top_k=2)),
}


def _model(name, n_layers=1):
    model, config = CONFIGS[name]
    return filled(model, dataclasses.replace(config, n_layers=n_layers))


@pytest.mark.parametrize("name", CONFIGS)
def test_steps_with_a_cache_are_the_whole_sequence(name):
    model, tokens = _model(name, n_layers=2), integers(13, 6)

    @eqx.filter_jit
    def both(model, tokens):
        pieces, cache = [], model.init_cache(9)  # longer than needed: what comes later must not be seen
        for piece in (tokens[:3], tokens[3:4], tokens[4:]):
            logits, cache = model.step(piece, cache)
            pieces.append(logits)
        return jnp.concatenate(pieces), model(tokens), cache.length

    stepped, whole, length = both(model, tokens)
    assert length == 6
    np.testing.assert_allclose(stepped, whole, atol=tolerances.PRIMITIVE * np.max(np.abs(whole)))


@pytest.mark.parametrize("name", ["gpt2", "mixtral"])
def test_half_precision(name):
    # bfloat16 keeps 8 bits: 0.4 % a rounding, some tens of roundings one after the other.
    model, tokens = _model(name), integers(13, 6)
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), model)
    wide = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), half)
    call = eqx.filter_jit(lambda model: model(tokens))
    found, expected = call(half), call(wide)
    assert found.dtype == jnp.bfloat16
    assert np.max(np.abs(found.astype(jnp.float32) - expected)) < 0.05 * np.max(np.abs(expected))


@pytest.mark.parametrize("top_k", [None, 3])
def test_tokens_are_drawn_from_the_softmax(top_k):
    logits, temperature, n = jnp.asarray([0.3, 1.0, -0.5, 0.9, 0.1]), jnp.asarray(0.7), 4000
    tokens = jax.vmap(lambda key: _choose(logits, key, temperature, top_k))(jr.split(jr.key(0), n))
    kept = np.argsort(-np.asarray(logits))[:top_k]
    expected = np.exp(np.asarray(logits, np.float64)[kept] / 0.7)
    counts = np.bincount(tokens, minlength=5)[kept]
    assert counts.sum() == n
    assert stats.chisquare(counts, n * expected / expected.sum()).pvalue > tolerances.P_VALUE


def test_generation_is_one_token_after_the_other():
    model, prompt = _model("llama"), integers(13, 3)
    tokens = prompt
    whole = eqx.filter_jit(lambda model, tokens: model(tokens))
    for _ in range(3):
        tokens = jnp.append(tokens, jnp.argmax(whole(model, tokens)[-1]).astype(jnp.int32))
    np.testing.assert_array_equal(models.generate(model, prompt, 3), tokens[3:])
    cold = models.generate(model, prompt, 3, key=jr.key(0), temperature=1e-4)
    np.testing.assert_array_equal(cold, tokens[3:])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_new": 0}, "needs a prompt and new tokens, got 3 and n_new=0"),
        ({"top_k": 3}, "top_k=3 needs a temperature"),
        ({"temperature": 1.0}, "needs a key="),
        ({"temperature": 0.0, "key": jr.key(0)}, "the temperature must be above zero, got 0.0"),
        ({"temperature": jnp.asarray(-1.0), "key": jr.key(0)}, "the temperature must be above zero, got -1.0"),
        ({"temperature": float("nan"), "key": jr.key(0)}, "the temperature must be above zero, got nan"),
        ({"prompt": jnp.asarray([1, 13])}, r"tokens lie between 0 and 12, got \[1, 13\]"),
        ({"prompt": jnp.asarray([-1, 1])}, r"tokens lie between 0 and 12, got \[-1, 1\]"),
        ({"prompt": jnp.zeros(0, int)}, "needs a prompt and new tokens, got 0 and n_new=2"),
        ({"temperature": 1.0, "key": jr.key(0), "top_k": 0}, "top_k must be at least one, got 0"),
        ({"n_new": 15}, "knows 16 positions, a sequence of 17 tokens is too long"),
    ],
)
def test_impossible_generation_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.generate(_model("gpt2"), **({"prompt": integers(13, 3), "n_new": 2} | arguments))


def test_full_cache_is_refused():
    model = _model("gpt2")
    cache = eqx.tree_at(lambda cache: cache.length, model.init_cache(4), jnp.asarray(3, jnp.int32))
    with pytest.raises(ValueError, match="2 more tokens do not fit into the cache of 4, of which 3 are used"):
        model.step(integers(13, 2), cache)
    with pytest.raises(ValueError, match="at least one token, got max_len=0"):
        model.init_cache(0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: models.Gpt2Config(dim=10, n_heads=3), "dim must be a multiple of n_heads, got 10 and 3"),
        (lambda: models.LlamaConfig(n_heads=4, n_kv_heads=3), "n_heads must be a multiple of n_kv_heads, got 4 and 3"),
        (lambda: models.LlamaConfig(head_dim=5), "need an even head_dim, got 5"),
        (lambda: models.MixtralConfig(top_k=9), "between one and all experts, got top_k=9 of 8"),
        (lambda: models.BertConfig(n_classes=2), "n_classes=2 needs pooler=True"),
        (lambda: models.BertConfig(activation="swish"), "activation 'swish' is not one of gelu, gelu_new, relu"),
        (lambda: models.AlbertConfig(embedding_dim=0), "embedding_dim must be a whole number above zero, got 0"),
    ],
)
def test_impossible_sizes_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    ("model", "config", "published"),
    [
        (models.Gpt2, models.Gpt2Config(), 124_439_808),
        (models.Bert, models.BertConfig(masked_lm=False, pooler=True), 109_482_240),
        (models.Albert, models.AlbertConfig(masked_lm=False, pooler=True), 11_683_584),
        (models.Llama, models.LlamaConfig(), 6_738_415_616),
        (models.Mixtral, models.MixtralConfig(), 46_702_792_704),
    ],
)
def test_default_sizes_are_those_of_the_published_models(model, config, published):
    blank = eqx.filter_eval_shape(model, config, key=jr.key(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(blank) if hasattr(leaf, "size")) == published


def test_initial_weights_of_gpt2(getkey):
    config = models.Gpt2Config(dim=64, n_heads=2, n_layers=1, vocab_size=50, n_positions=8)
    model = eqx.filter_jit(lambda key: models.Gpt2(config, key=key))(getkey())
    block = model.blocks[0]
    for layer, std in [
        (block.attention.qkv, 0.02),
        (block.mlp.up, 0.02),
        (block.mlp.down, 0.02 / 2**0.5),
        (model.embedding, 0.02),
    ]:
        assert abs(float(jnp.std(layer.weight)) / std - 1) < tolerances.of_std(layer.weight.size)
    assert not np.any(block.mlp.down.bias)


def test_rotation_is_a_complex_phase():
    with jax.enable_x64(True):
        rng, positions = np.random.default_rng(0), np.asarray([0, 3, 100])
        x = rng.normal(size=(3, 2, 6))
        found = np.asarray(rotate(jnp.asarray(x), jnp.asarray(positions), models.RopeConfig(theta=50.0)))
    phases = np.exp(1j * positions[:, None] * 50.0 ** (-np.arange(0, 6, 2) / 6))
    turned = (x[..., :3] + 1j * x[..., 3:]) * phases[:, None]
    np.testing.assert_allclose(found, np.concatenate([turned.real, turned.imag], -1), atol=tolerances.FLOAT64)


def test_long_wavelengths_are_stretched_and_short_ones_kept():
    scaling = models.Llama3Scaling(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_positions=8192)
    plain = models.RopeConfig(theta=5e5).frequencies(128)
    ratio = models.RopeConfig(theta=5e5, scaling=scaling).frequencies(128) / plain
    wavelength = 2 * np.pi / plain
    np.testing.assert_allclose(ratio[wavelength < 8192 / 4], 1.0, rtol=tolerances.FLOAT64)
    np.testing.assert_allclose(ratio[wavelength > 8192], 1 / 8, rtol=tolerances.FLOAT64)
    assert np.all(np.diff(ratio) <= 0)


def test_attention_in_closed_form():
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        q, k, v = rng.normal(size=(2, 4, 3)), rng.normal(size=(5, 2, 3)), rng.normal(size=(5, 2, 3))
        allowed = np.asarray([[1, 0, 1, 0, 0], [1, 1, 1, 1, 0]], bool)
        found = np.asarray(attend(*map(jnp.asarray, (q, k, v, allowed))))
    for t in range(2):
        for head in range(4):
            scores = np.exp(k[:, head // 2] @ q[t, head] / 3**0.5) * allowed[t]
            expected = scores / scores.sum() @ v[:, head // 2]
            np.testing.assert_allclose(found[t, 3 * head : 3 * head + 3], expected, atol=tolerances.FLOAT64)


@pytest.mark.slow
def test_contract(getkey):
    # Tokens are whole numbers, and the contract scales its input: they are made from it.
    call = lambda model, x, key: model(jnp.abs(x).astype(jnp.int32))
    check_contract(Entry(_model("llama"), call, jnp.asarray([3.0, 7.0, 12.0])), getkey())


def test_a_chip_speaks_and_reads_afresh_at_every_step(getkey):
    model, prompt = _model("gpt2"), integers(13, 3)
    chip = eqx.filter_jit(lambda analog, key: nn.at(nn.program(analog, key=key), t=3600.0))
    ideal = nn.calibrate(nn.convert(model, [nn.Rule(".*", tiles.preset("ideal"))]), integers(13, 4, 6), quantile=1.0)
    found = models.generate(chip(ideal, getkey()), prompt, 3, key=getkey())
    np.testing.assert_array_equal(found, models.generate(model, prompt, 3))
