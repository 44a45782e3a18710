"""The recipe of the parity fixtures: small random models of `transformers`, their logits, saved as it saves them.

    python tests/models/make_fixtures.py [FOLDER]

writes FOLDER (default: `fixtures` beside this file), a folder for each family and variant: `config.json`,
`model.safetensors`, and `expected.npz` with tokens, masks, logits (float32, CPU) and greedily generated tokens. It
needs the extra `parity`; the fixtures in the repository were made with torch 2.13.0 and transformers 5.23.0, seed 0.
Parameters are drawn wider than usual initial weights, so that every part of a network shows in its logits.
"""

import pathlib
import sys
from typing import Any

import numpy as np


ROPE = {"rope_type": "default", "rope_theta": 500.0}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 100.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
GPT2 = {"vocab_size": 61, "n_positions": 32, "n_embd": 24, "n_layer": 2, "n_head": 3}
LLAMA = {
    "vocab_size": 59,
    "max_position_embeddings": 32,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 40,
}
ENCODER = {
    "vocab_size": 53,
    "max_position_embeddings": 32,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
}
MIXTRAL = {**LLAMA, "intermediate_size": 20, "num_local_experts": 4, "num_experts_per_tok": 2}
# name: class of the config, class of the model, options
VARIANTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bert": ("BertConfig", "BertForMaskedLM", ENCODER),
    "bert_untied": ("BertConfig", "BertForMaskedLM", {**ENCODER, "tie_word_embeddings": False}),
    "bert_pretraining": ("BertConfig", "BertForPreTraining", ENCODER),
    "albert": ("AlbertConfig", "AlbertForMaskedLM", {**ENCODER, "embedding_size": 16, "num_hidden_layers": 3}),
    "gpt2": ("GPT2Config", "GPT2LMHeadModel", GPT2),
    "gpt2_untied": ("GPT2Config", "GPT2LMHeadModel", {**GPT2, "n_inner": 40, "tie_word_embeddings": False}),
    "llama": ("LlamaConfig", "LlamaForCausalLM", {**LLAMA, "rope_parameters": ROPE}),
    "llama3": (
        "LlamaConfig",
        "LlamaForCausalLM",
        {**LLAMA, "rope_parameters": LLAMA3, "tie_word_embeddings": True, "head_dim": 8, "attention_bias": True},
    ),
    "mixtral": ("MixtralConfig", "MixtralForCausalLM", {**MIXTRAL, "rope_parameters": ROPE}),
}


def build(name: str, seed: int = 0) -> Any:
    """The model of a variant, with random parameters."""
    import torch
    import transformers

    config_class, model_class, options = VARIANTS[name]
    config = getattr(transformers, config_class)(**options, attn_implementation="eager")
    model = getattr(transformers, model_class)(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            norm = "norm" in parameter_name.lower() or ".ln_" in parameter_name
            centre = 1.0 if norm and parameter_name.endswith("weight") else 0.0
            parameter.copy_(centre + 0.2 * noise)
    return model


def expected(name: str, model: Any, seed: int = 0) -> dict[str, np.ndarray]:
    """Inputs and outputs of a model: two sequences; the second is padded if the model takes a mask."""
    import torch

    tokens = torch.randint(0, model.config.vocab_size, (2, 11), generator=torch.Generator().manual_seed(seed))
    if "bert" in name:
        mask = torch.ones_like(tokens)
        mask[1, 7:] = 0
        types = torch.tensor([[0] * 5 + [1] * 6, [0] * 11])
        out = model(tokens, attention_mask=mask, token_type_ids=types)
        arrays = {"mask": mask, "types": types, "logits": out["logits" if "logits" in out else "prediction_logits"]}
        if "seq_relationship_logits" in out:
            arrays["class_logits"] = out["seq_relationship_logits"]
    else:
        arrays = {"logits": model(tokens).logits, "greedy": _greedy(model, tokens, 8)}
        if "mixtral" in name:
            arrays["balance"] = model(tokens, output_router_logits=True).aux_loss
    return {key: value.detach().numpy() for key, value in {"tokens": tokens, **arrays}.items()}


def _greedy(model: Any, tokens: Any, n_new: int) -> Any:
    import torch

    for _ in range(n_new):
        tokens = torch.cat([tokens, model(tokens).logits[:, -1:].argmax(-1)], dim=1)
    return tokens[:, -n_new:]


def main(folder: pathlib.Path) -> None:
    """Writes all fixtures."""
    for name in VARIANTS:
        model = build(name)
        model.save_pretrained(folder / name)
        (folder / name / "generation_config.json").unlink(missing_ok=True)
        np.savez_compressed(folder / name / "expected.npz", **expected(name, model))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "fixtures")
