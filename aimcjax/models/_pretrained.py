"""Models from and to folders in the published Hugging Face layout."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import jax.tree_util as jtu
import numpy as np
from jax.typing import DTypeLike

from ._layout import Layout, array_paths
from ._layouts_decoders import GPT2, LLAMA, MIXTRAL
from ._layouts_encoders import ALBERT, BERT
from ._tensor_files import CONFIG, FLOATS, TensorFolder, read_json, write_folder


LAYOUTS: dict[str, Layout] = {"albert": ALBERT, "bert": BERT, "gpt2": GPT2, "llama": LLAMA, "mixtral": MIXTRAL}


def load_pretrained(folder: str | Path, *, dtype: DTypeLike = jnp.float32) -> Any:
    """The model in a local folder: `config.json` and `model.safetensors`, or the shards that
    `model.safetensors.index.json` names. Nothing is downloaded, and no code in the folder is run. Heads are those of
    the config's `architectures`; tensors of other heads of the family are left out.

    **Arguments:** `folder`; `dtype` of the parameters, whatever the files hold.

    **Returns:** `Bert`, `Albert`, `Gpt2`, `Llama` or `Mixtral`, by the `model_type` of the config.

    **Raises:** `FileNotFoundError` if a file is missing; `ValueError` for a model or an option that is not supported, a
    tensor that is missing, unexpected, of the wrong shape or not finite, or a damaged file.
    """
    folder = Path(folder)
    layout, blank = _read_config(folder)
    return _fill(blank, layout, TensorFolder(folder), jnp.dtype(dtype))


def pretrained_shapes(folder: str | Path) -> Any:
    """The model that `load_pretrained` would read from `folder`, with shapes for arrays: its config is read, its
    tensors are not. Raises as `load_pretrained`."""
    return _read_config(Path(folder))[1]


def _read_config(folder: Path) -> tuple[Layout, Any]:
    published = read_json(folder / CONFIG)
    kind = published.get("model_type")
    if not isinstance(kind, str) or kind not in LAYOUTS:
        raise ValueError(f"{folder / CONFIG}: model_type {kind!r} is not one of {', '.join(sorted(LAYOUTS))}")
    layout = LAYOUTS[kind]
    try:
        config = layout.read_config(published)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from None
    return layout, eqx.filter_eval_shape(layout.model, config, key=jr.key(0))


def save_pretrained(model: Any, folder: str | Path, *, shard_bytes: int = 5 * 10**9) -> None:
    """Writes a model in the published layout of its family, whole or not at all: `load_pretrained` reads it back, and
    so does `transformers`.

    The config says what the model computes; what else stood in a config that the model was loaded from (token ids,
    dropout in training) is not kept.

    **Arguments:** `model`, digital (`aimcjax.nn.to_digital` makes it so); `folder`, which must not exist;
    `shard_bytes`, the size [B] from which on the tensors go to several files.

    **Raises:** `FileExistsError`; `ValueError` for a model without a published layout.
    """
    kinds = [kind for kind, layout in LAYOUTS.items() if layout.model is type(model)]
    if not kinds:
        raise ValueError(f"{type(model).__name__} has no published layout; save it with `aimcjax.checkpoint`")
    layout = LAYOUTS[kinds[0]]
    tensors = {}
    for path, leaf in array_paths(model):
        names = layout.tensors_of(model.config, path, leaf.shape)
        parts = list(leaf) if layout.is_stack(model.config, path) else [leaf]
        if layout.is_transposed(path):
            parts = [part.T for part in parts]
        tensors |= zip(names, parts, strict=True)
    dtypes = {jnp.dtype(tensor.dtype).name for tensor in tensors.values()}
    config = {"model_type": kinds[0], "dtype": max(dtypes), **layout.write_config(model.config)}
    write_folder(Path(folder), config, tensors, shard_bytes)


def _fill(blank: Any, layout: Layout, folder: TensorFolder, dtype: jnp.dtype) -> Any:
    wanted = {path: layout.tensors_of(blank.config, path, leaf.shape) for path, leaf in array_paths(blank)}
    stored = _stored_names(layout, folder, [name for names in wanted.values() for name in names])

    def read(path: Any, leaf: jax.ShapeDtypeStruct) -> jax.Array:
        at = jtu.keystr(path, simple=True, separator=".")
        names, stack, transposed = wanted[at], layout.is_stack(blank.config, at), layout.is_transposed(at)
        shape = leaf.shape[1:] if stack else leaf.shape
        parts = []
        for name in names:
            _check(folder, stored[name], shape[::-1] if transposed else shape)
            tensor = folder.read(stored[name]).astype(dtype)
            if not np.isfinite(np.asarray(tensor)).all():
                raise ValueError(f"{folder.folder}: the tensor {name!r} holds values that are no {dtype.name} numbers")
            parts.append(tensor.T if transposed else tensor)
        return jnp.stack(parts) if stack else parts[0]

    is_shape = lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct)
    return jtu.tree_map_with_path(lambda path, leaf: read(path, leaf) if is_shape(leaf) else leaf, blank)


def _stored_names(layout: Layout, folder: TensorFolder, wanted: Sequence[str]) -> dict[str, str]:
    """The tensors in a folder by the names that the model wants, which older files and bare models give otherwise."""
    stored, wanted_set = {}, set(wanted)
    for name in folder.names():
        new = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", name))
        full = next((it for it in (new, layout.prefix + new) if it in wanted_set), None)
        if full is not None:
            stored[full] = name
        elif not any(re.fullmatch(layout.ignored, it) for it in (new, layout.prefix + new)):
            raise ValueError(f"{folder.folder} holds the tensor {name!r}, which its config does not ask for")
    missing = [name for name in wanted if name not in stored]
    if missing:
        raise ValueError(f"{folder.folder} has no tensor {missing[0]!r}, which its config asks for")
    return stored


def _check(folder: TensorFolder, name: str, shape: tuple[int, ...]) -> None:
    found = folder.shape(name)
    if found != shape:
        raise ValueError(f"{folder.folder}: the tensor {name!r} has the shape {found}, its config asks for {shape}")
    if folder.kind(name) not in FLOATS:
        raise ValueError(
            f"{folder.folder}: the tensor {name!r} is stored as {folder.kind(name)}, not as one of "
            f"{', '.join(FLOATS)}; quantised models are not supported"
        )
