"""Adapters from and to folders in the published PEFT layout: `adapter_config.json`, `adapter_model.safetensors`."""

import math
from pathlib import Path
from typing import Any, TypeVar

import jax
from safetensors.flax import save_file

from ..nn import LoHa, LoRA, adapters_of, attach
from ._tensor_files import FLOATS, TensorFolder, new_folder, read_json, write_json


Model = TypeVar("Model")

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
# By peft_type: the class, the key of alpha, and each factor by the end of its tensor's name.
LAYOUTS: dict[str, tuple[Any, str, dict[str, str]]] = {
    "LORA": (LoRA, "lora_alpha", {"a": "lora_A.weight", "b": "lora_B.weight"}),
    "LOHA": (LoHa, "alpha", {"b1": "hada_w1_a", "a1": "hada_w1_b", "b2": "hada_w2_a", "a2": "hada_w2_b"}),
}


def save_adapters(model: Any, folder: str | Path) -> None:
    """Writes the adapters of a model alone, whole or not at all, as PEFT names its files: the tensors of the layer at
    `blocks/0/up` are `base_model.model.blocks.0.up.lora_A.weight` and `...lora_B.weight`. Paths are those of this
    package's models, not those of the same model elsewhere.

    **Arguments:** `model`, in any life; `folder`, which must not exist.

    **Raises:** `FileExistsError`; `ValueError` for a model without adapters, or with more than one kind of them.
    """
    found = adapters_of(model)
    kinds = {type(adapter) for adapter in found.values()}
    if len(kinds) != 1:
        what = " and ".join(sorted(kind.__name__ for kind in kinds)) or "none"
        raise ValueError(f"a folder holds adapters of one kind, the model has {what}")
    peft = next(name for name, (kind, _, _) in LAYOUTS.items() if kind in kinds)
    _, alpha_key, factors = LAYOUTS[peft]
    dotted = {path.replace("/", "."): adapter for path, adapter in found.items()}
    tensors = {f"{PREFIX}{path}.{end}": getattr(adapter, factor) for path, adapter in dotted.items()
               for factor, end in factors.items()}  # fmt: skip
    first = next(iter(dotted.values()))
    config = {
        "peft_type": peft,
        "r": first.rank,
        alpha_key: first.alpha,
        "rank_pattern": {path: each.rank for path, each in dotted.items() if each.rank != first.rank},
        "alpha_pattern": {path: each.alpha for path, each in dotted.items() if each.alpha != first.alpha},
        "target_modules": sorted(dotted),
        "inference_mode": True,
        **({"bias": "none", "fan_in_fan_out": False, "lora_dropout": 0.0} if peft == "LORA" else {}),
    }

    with new_folder(Path(folder)) as new:
        write_json(new / CONFIG, config)
        save_file(tensors, new / WEIGHTS, metadata={"format": "pt"})


def load_adapters(model: Model, folder: str | Path) -> Model:
    """`model`, digital or analog in any life, with the adapters of a folder, as of `save_adapters`.

    **Raises:** `FileNotFoundError` if a file is missing; `ValueError` for a damaged file, a kind, an option or a tensor
    that is not known, a factor that is missing, or layers that the model does not have in that size.
    """
    folder = Path(folder)
    config, where = read_json(folder / CONFIG), folder / CONFIG
    peft = config.get("peft_type")
    if peft not in LAYOUTS:
        raise ValueError(f"{where}: peft_type {peft!r} is not one of {', '.join(LAYOUTS)}")
    for option in ("use_rslora", "use_dora", "fan_in_fan_out"):
        if config.get(option):
            raise ValueError(f"{where}: {option} is not supported")
    if not isinstance(config.get("alpha_pattern", {}), dict):
        raise ValueError(f"{where}: alpha_pattern must be an object, got {config['alpha_pattern']!r}")
    kind, alpha_key, factors = LAYOUTS[peft]
    adapters = {}
    for path, tensors in _by_layer(TensorFolder(folder, WEIGHTS), factors).items():
        alpha = config.get("alpha_pattern", {}).get(path, config.get(alpha_key))
        if not isinstance(alpha, (int, float)) or not math.isfinite(alpha) or alpha <= 0:
            raise ValueError(f"{where}: {alpha_key} must be a positive number, got {alpha!r}")
        adapters[path.replace(".", "/")] = kind(base=None, alpha=float(alpha), **tensors)
    try:
        return attach(model, adapters)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from None


def _by_layer(stored: TensorFolder, factors: dict[str, str]) -> dict[str, dict[str, jax.Array]]:
    """The factors of every layer, complete and of one rank."""
    ends = {end: factor for factor, end in factors.items()}
    found: dict[str, dict[str, jax.Array]] = {}
    for name in stored.names():
        end = next((end for end in ends if name.startswith(PREFIX) and name.endswith(f".{end}")), None)
        if end is None:
            raise ValueError(f"{stored.folder} holds the tensor {name!r}, which no adapter of this kind has")
        if stored.kind(name) not in FLOATS or len(stored.shape(name)) != 2:
            what = f"{stored.kind(name)}{list(stored.shape(name))}"
            raise ValueError(f"{stored.folder}: the tensor {name!r} is {what}, not a matrix of {', '.join(FLOATS)}")
        path = name.removeprefix(PREFIX).removesuffix(f".{end}")
        found.setdefault(path, {})[ends[end]] = stored.read(name)
    for path, tensors in found.items():
        missing = [end for factor, end in factors.items() if factor not in tensors]
        if missing:
            raise ValueError(f"{stored.folder} has no tensor {PREFIX + path}.{missing[0]}")
        ranks = {tensor.shape[0 if factor[0] == "a" else 1] for factor, tensor in tensors.items()}
        if len(ranks) != 1:
            raise ValueError(f"{stored.folder}: the factors of layer {path} are of the ranks {sorted(ranks)}")
    return found
