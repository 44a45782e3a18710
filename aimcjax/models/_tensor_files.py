"""Folders of tensors in the published layout: `config.json` beside `model.safetensors`, or beside its shards."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
from safetensors import SafetensorError, safe_open
from safetensors.flax import save_file


CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
FLOATS = ("BF16", "F16", "F32", "F64")  # as safetensors calls them


class TensorFolder:
    """The tensors of a folder by name, read one at a time.

    **Raises:** `FileNotFoundError` if a file is missing; `ValueError` if one is damaged.
    """

    def __init__(self, folder: Path, weights: str = WEIGHTS) -> None:
        self.folder = folder
        if weights != WEIGHTS or (folder / WEIGHTS).is_file():
            files = [weights]
        elif (folder / INDEX).is_file():
            files = sorted(set(_weight_map(folder).values()))
        else:
            raise FileNotFoundError(f"no {WEIGHTS} and no {INDEX} in {folder}")
        self._open = {file: _open(folder / file) for file in files}
        self._files = {name: file for file, tensors in self._open.items() for name in tensors.keys()}  # noqa: SIM118
        if files != [weights]:
            absent = sorted(set(_weight_map(folder)) - set(self._files))
            if absent:
                raise ValueError(f"{folder / INDEX} promises the tensor {absent[0]}, which its file does not hold")

    def names(self) -> list[str]:
        """All tensors."""
        return sorted(self._files)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, from the header of its file."""
        return tuple(self._open[self._files[name]].get_slice(name).get_shape())

    def kind(self, name: str) -> str:
        """The dtype of a tensor, as its file calls it."""
        return str(self._open[self._files[name]].get_slice(name).get_dtype())

    def read(self, name: str) -> jax.Array:
        """One tensor."""
        return self._open[self._files[name]].get_tensor(name)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    **Raises:** `FileNotFoundError`, or `ValueError` if it is no JSON object.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no {path.name} in {path.parent}")
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not JSON: {_line(error)}") from None
    if not isinstance(tree, dict):
        raise ValueError(f"{path} must hold a JSON object, got {type(tree).__name__}")
    return tree


def write_folder(folder: Path, config: Mapping[str, Any], tensors: Mapping[str, jax.Array], shard_bytes: int) -> None:
    """Writes a folder, whole or not at all; files hold at most `shard_bytes` unless one tensor alone is larger.

    **Raises:** `FileExistsError` if `folder` exists.
    """
    with new_folder(folder) as temporary:
        write_json(temporary / CONFIG, config)
        _write_tensors(temporary, tensors, shard_bytes)


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `folder` if nothing fails.

    **Raises:** `FileExistsError` if `folder` exists.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} exists already; choose another path or remove it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_tensors(folder: Path, tensors: Mapping[str, jax.Array], shard_bytes: int) -> None:
    shards = list(_shards(tensors, shard_bytes))
    metadata = {"format": "pt"}  # what readers of this layout look for
    if len(shards) == 1:
        save_file(shards[0], folder / WEIGHTS, metadata=metadata)
        return
    weight_map = {}
    for i, shard in enumerate(shards, start=1):
        file = f"model-{i:05d}-of-{len(shards):05d}.safetensors"
        save_file(shard, folder / file, metadata=metadata)
        weight_map |= dict.fromkeys(shard, file)
    total = sum(tensor.nbytes for tensor in tensors.values())
    write_json(folder / INDEX, {"metadata": {"total_size": total}, "weight_map": weight_map})


def _shards(tensors: Mapping[str, jax.Array], shard_bytes: int) -> Iterator[dict[str, jax.Array]]:
    shard: dict[str, jax.Array] = {}
    size = 0
    for name, tensor in tensors.items():
        if shard and size + tensor.nbytes > shard_bytes:
            yield shard
            shard, size = {}, 0
        shard[name] = tensor
        size += tensor.nbytes
    yield shard


def _weight_map(folder: Path) -> dict[str, str]:
    files = read_json(folder / INDEX).get("weight_map")
    if not isinstance(files, dict) or not files or not all(isinstance(file, str) for file in files.values()):
        raise ValueError(f"{folder / INDEX} has no weight_map of tensor names to files")
    for file in files.values():
        if Path(file).name != file:
            raise ValueError(f"{folder / INDEX} points outside its folder: {file!r}")
    return files


def _open(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"no {path.name} in {path.parent}")
    try:
        return safe_open(path, framework="flax").__enter__()
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is damaged or truncated: {_line(error)}") from None


def write_json(path: Path, tree: Mapping[str, Any]) -> None:
    """Writes a JSON object as people read it."""
    path.write_text(json.dumps(tree, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _line(error: Exception) -> str:
    return str(error).split("\n")[0]
