"""The published decoders: their configs and the names of their tensors."""

from collections.abc import Mapping
from typing import Any

from ._gpt2 import Gpt2, Gpt2Config
from ._layout import Layout, give, insist, take
from ._llama import Llama, LlamaConfig
from ._mixtral import Mixtral, MixtralConfig
from ._rope import Llama3Scaling, RopeConfig


_W = r"\.(weight|bias)"  # of a layer; \1, \2 or \3 in the name

_GPT2_KEYS = {
    "vocab_size": "vocab_size",
    "n_positions": "n_positions",
    "dim": "n_embd",
    "n_layers": "n_layer",
    "n_heads": "n_head",
    "hidden": "n_inner",
    "norm_eps": "layer_norm_epsilon",
    "tied": "tie_word_embeddings",
}


def _read_gpt2(published: Mapping[str, Any]) -> Gpt2Config:
    only = {
        "activation_function": ["gelu_new"],
        "scale_attn_weights": [True],
        "scale_attn_by_inverse_layer_idx": [False],
        "add_cross_attention": [False],
        "architectures": [None, ["GPT2LMHeadModel"], ["GPT2Model"]],
    }
    insist(published, only)
    return Gpt2Config(**take(published, _GPT2_KEYS, Gpt2Config))


def _write_gpt2(config: Gpt2Config) -> dict[str, Any]:
    return give(config, _GPT2_KEYS) | {"activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"]}


_BLOCK = r"blocks\.(\d+)\."
GPT2 = Layout(
    model=Gpt2,
    read_config=_read_gpt2,
    write_config=_write_gpt2,
    names=lambda _: [
        (r"embedding\.weight", "transformer.wte.weight"),
        (r"positions\.weight", "transformer.wpe.weight"),
        (_BLOCK + r"norm(\d)" + _W, r"transformer.h.\1.ln_\2.\3"),
        (_BLOCK + r"attention\.qkv" + _W, r"transformer.h.\1.attn.c_attn.\2"),
        (_BLOCK + r"attention\.out" + _W, r"transformer.h.\1.attn.c_proj.\2"),
        (_BLOCK + r"mlp\.up" + _W, r"transformer.h.\1.mlp.c_fc.\2"),
        (_BLOCK + r"mlp\.down" + _W, r"transformer.h.\1.mlp.c_proj.\2"),
        (r"norm" + _W, r"transformer.ln_f.\1"),
        (r"head\.weight", "lm_head.weight"),
    ],
    transposed=r"blocks\..*\.(qkv|out|up|down)\.weight",
    prefix="transformer.",
    ignored=r"lm_head\.weight|.*\.attn\.(bias|masked_bias)",
)


_LLAMA_KEYS = {
    "vocab_size": "vocab_size",
    "n_positions": "max_position_embeddings",
    "dim": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "n_kv_heads": "num_key_value_heads",
    "head_dim": "head_dim",
    "hidden": "intermediate_size",
    "norm_eps": "rms_norm_eps",
    "attention_bias": "attention_bias",
    "mlp_bias": "mlp_bias",
    "tied": "tie_word_embeddings",
}
_SCALING_KEYS = {
    "factor": "factor",
    "low_freq_factor": "low_freq_factor",
    "high_freq_factor": "high_freq_factor",
    "original_positions": "original_max_position_embeddings",
}


def read_rope(published: Mapping[str, Any], theta: float) -> RopeConfig:
    """Rotary positions, in the old form (`rope_theta`, `rope_scaling`) or the new one (`rope_parameters`)."""
    rope = published.get("rope_parameters") or published.get("rope_scaling") or {}
    if not isinstance(rope, dict):
        raise ValueError(f"config.json: rotary positions must be a JSON object, got {rope!r}")
    insist(dict(published) | rope, {"partial_rotary_factor": [None, 1.0]})
    kind = rope.get("rope_type", rope.get("type", "default"))
    named = rope if rope.get("rope_theta") is not None else published
    theta = take(named, {"theta": "rope_theta"}, RopeConfig).get("theta", theta)
    if kind == "default":
        return RopeConfig(theta=theta)
    if kind != "llama3":
        raise ValueError(f"config.json: rotary positions of type {kind!r} are not supported, only default or llama3")
    missing = [key for key in _SCALING_KEYS.values() if key not in rope]
    if missing:
        raise ValueError(f"config.json: rotary positions of type llama3 have no {missing[0]!r}")
    return RopeConfig(theta=theta, scaling=Llama3Scaling(**take(rope, _SCALING_KEYS, Llama3Scaling)))


def write_rope(rope: RopeConfig) -> dict[str, Any]:
    """The reverse of `read_rope`, in both forms."""
    if rope.scaling is None:
        return {"rope_theta": rope.theta, "rope_parameters": {"rope_type": "default", "rope_theta": rope.theta}}
    scaling = {"rope_type": "llama3", **give(rope.scaling, _SCALING_KEYS)}
    new = {"rope_theta": rope.theta, **scaling}
    return {"rope_theta": rope.theta, "rope_scaling": scaling, "rope_parameters": new}


def _read_llama(published: Mapping[str, Any]) -> LlamaConfig:
    only = {"hidden_act": ["silu"], "architectures": [None, ["LlamaForCausalLM"], ["LlamaModel"]]}
    insist(published, only)
    fields = take(published, _LLAMA_KEYS, LlamaConfig)
    return LlamaConfig(**fields, rope=read_rope(published, RopeConfig.theta))


def _write_llama(config: LlamaConfig) -> dict[str, Any]:
    fixed = {"hidden_act": "silu", "architectures": ["LlamaForCausalLM"]}
    return give(config, _LLAMA_KEYS) | write_rope(config.rope) | fixed


_ATTENTION_NAMES = [
    (r"embedding\.weight", "model.embed_tokens.weight"),
    (_BLOCK + r"norm1\.weight", r"model.layers.\1.input_layernorm.weight"),
    (_BLOCK + r"norm2\.weight", r"model.layers.\1.post_attention_layernorm.weight"),
    (_BLOCK + r"attention\.([qkv])" + _W, r"model.layers.\1.self_attn.\2_proj.\3"),
    (_BLOCK + r"attention\.out" + _W, r"model.layers.\1.self_attn.o_proj.\2"),
    (r"norm\.weight", "model.norm.weight"),
    (r"head\.weight", "lm_head.weight"),
]
LLAMA = Layout(
    model=Llama,
    read_config=_read_llama,
    write_config=_write_llama,
    names=lambda _: [*_ATTENTION_NAMES, (_BLOCK + r"mlp\.(gate|up|down)" + _W, r"model.layers.\1.mlp.\2_proj.\3")],
    prefix="model.",
    ignored=r"lm_head\.weight|.*\.rotary_emb\.inv_freq",
)


_MIXTRAL_KEYS = {ours: theirs for ours, theirs in _LLAMA_KEYS.items() if not ours.endswith("_bias")} | {
    "n_experts": "num_local_experts",
    "top_k": "num_experts_per_tok",
}


def _read_mixtral(published: Mapping[str, Any]) -> MixtralConfig:
    architectures = [None, ["MixtralForCausalLM"], ["MixtralModel"]]
    only = {"hidden_act": ["silu"], "sliding_window": [None], "architectures": architectures}
    insist(published, only)
    fields = take(published, _MIXTRAL_KEYS, MixtralConfig)
    return MixtralConfig(**fields, rope=read_rope(published, 1e6))


def _write_mixtral(config: MixtralConfig) -> dict[str, Any]:
    fixed = {"hidden_act": "silu", "sliding_window": None, "architectures": ["MixtralForCausalLM"]}
    return give(config, _MIXTRAL_KEYS) | write_rope(config.rope) | fixed


_MOE = r"model.layers.\1.block_sparse_moe."
MIXTRAL = Layout(
    model=Mixtral,
    read_config=_read_mixtral,
    write_config=_write_mixtral,
    names=lambda _: [
        *_ATTENTION_NAMES,
        (_BLOCK + r"moe\.router\.weight", _MOE + "gate.weight"),
        (_BLOCK + r"moe\.gate\.weight", _MOE + "experts.{expert}.w1.weight"),
        (_BLOCK + r"moe\.down\.weight", _MOE + "experts.{expert}.w2.weight"),
        (_BLOCK + r"moe\.up\.weight", _MOE + "experts.{expert}.w3.weight"),
    ],
    prefix="model.",
    ignored=r"lm_head\.weight|.*\.rotary_emb\.inv_freq",
)
