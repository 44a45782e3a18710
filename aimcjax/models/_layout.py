"""How a model of this package and a published one describe the same thing: names of tensors, keys of configs."""

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.tree_util as jtu


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    r"""One published family.

    **Arguments:** `model`, its class here; `read_config`, from a published config to ours; `write_config`, back;
    `names`, for a config of ours, pairs of a regular expression for the path of an array in the model
    (`blocks\.(\d+)\.norm\.weight`) and the name of the tensor (`h.\1.ln.weight`), where `{expert}` in the name stands
    for the index on the array's first axis, one tensor for each; `transposed`, paths of matrices that are stored as
    `[n_in, n_out]`; `prefix`, which files of a bare model leave out; `ignored`, tensors that files may hold and that
    say nothing new.
    """

    model: Callable[..., eqx.Module]
    read_config: Callable[[Mapping[str, Any]], Any]
    write_config: Callable[[Any], dict[str, Any]]
    names: Callable[[Any], Sequence[tuple[str, str]]]
    transposed: str = ""
    prefix: str = ""
    ignored: str = ""

    def tensors_of(self, config: Any, path: str, shape: tuple[int, ...]) -> list[str]:
        """The names of the tensors in the array at `path`: one, or one for each expert."""
        name = self._name(config, path)
        return [name.replace("{expert}", str(e)) for e in range(shape[0])] if "{expert}" in name else [name]

    def is_stack(self, config: Any, path: str) -> bool:
        """Whether the array at `path` is a stack of experts, which files hold one by one."""
        return "{expert}" in self._name(config, path)

    def _name(self, config: Any, path: str) -> str:
        for pattern, name in self.names(config):
            match = re.fullmatch(pattern, path)
            if match:
                return match.expand(name)
        raise ValueError(f"the array {path} has no place in the published layout; is the model digital?")

    def is_transposed(self, path: str) -> bool:
        """Whether files hold the matrix at `path` as `[n_in, n_out]`."""
        return re.fullmatch(self.transposed, path) is not None


def array_paths(model: Any) -> list[tuple[str, Any]]:
    """The arrays (or their shapes) of a model with their paths, such as `blocks.0.norm.weight`."""
    is_array = lambda leaf: eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct)
    leaves = jtu.tree_leaves_with_path(eqx.filter(model, is_array))
    return [(jtu.keystr(path, simple=True, separator="."), leaf) for path, leaf in leaves]


def take(published: Mapping[str, Any], keys: Mapping[str, str], defaults: Any) -> dict[str, Any]:
    """The fields of a config of ours, by name, from a published config.

    **Arguments:** `published`; `keys`, our names to theirs; `defaults`, our config class: a key that is absent or null
    takes the default of its field, where that is what the published code does too.

    **Raises:** `ValueError` for a size that is absent, or a value that is not of the type of its field.
    """
    fields = {field.name: field.default for field in dataclasses.fields(defaults)}
    found = {}
    for ours, theirs in keys.items():
        value, default = published.get(theirs), fields[ours]
        if value is None:
            if isinstance(default, int) and not isinstance(default, bool):
                raise ValueError(f"config.json has no {theirs!r}")
            continue
        if isinstance(default, float) and type(value) is int:
            value = float(value)
        if type(value) is not (int if default is None else type(default)):
            raise ValueError(f"config.json: {theirs!r} has a value of the wrong kind: {value!r}")
        if isinstance(value, float) and not 0 < value < math.inf:
            raise ValueError(f"config.json: {theirs!r} must be above zero, got {value!r}")
        found[ours] = value
    return found


def insist(published: Mapping[str, Any], allowed: Mapping[str, Sequence[Any]]) -> None:
    """Raises `ValueError` if a published config asks for what the model here does not do: `allowed` values by key,
    where an absent key is one of them."""
    for key, values in allowed.items():
        if key in published and published[key] not in values:
            supported = " or ".join(map(repr, values))
            raise ValueError(f"config.json: {key}={published[key]!r} is not supported, only {supported}")


def give(config: Any, keys: Mapping[str, str]) -> dict[str, Any]:
    """The reverse of `take`."""
    return {theirs: getattr(config, ours) for ours, theirs in keys.items()}
