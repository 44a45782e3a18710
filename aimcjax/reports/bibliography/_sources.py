"""Which works a resolved config rests on: found by the names of its components, its chip and its recipe."""

import dataclasses
import functools as ft
import importlib.resources
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import equinox as eqx

from ... import devices, mapping, nn, periphery, tiles
from ...components import Registry, parse_yaml
from ...devices import pulsed
from ._bibtex import Entry, library


_FILE = importlib.resources.files(__package__ or "aimcjax.reports.bibliography") / "sources.yaml"
_REGISTRY = Registry({**devices.ROLES, **periphery.ROLES, **tiles.ROLES, **mapping.ROLES, **nn.ROLES})
_NAMED = {"model": "model", "data": "data", "algorithm": "algorithm", "rule": "algorithm"}  # sections by key
_MANY = ("algorithms", "lora_algorithms", "full_algorithms")


@dataclasses.dataclass(frozen=True)
class Cited:
    """A part of a config, its `path` and `name`, and the `keys` of the works that it rests on."""

    path: str
    name: str
    keys: tuple[str, ...]


@ft.cache
def sources() -> dict[str, dict[str, tuple[str, ...]]]:
    """Keys of `library()` by section (`components`, `pulsed`, `chips`, `model`, `data`, `algorithm`, `recipe`) and
    name."""
    tree = parse_yaml(_FILE.read_text(encoding="utf-8"), _FILE.name)
    return {section: {name: tuple(keys) for name, keys in entries.items()} for section, entries in tree.items()}


def cited(config: Mapping[str, Any]) -> list[Cited]:
    """Every part of the resolved `config` that rests on published work, in its order; parts whose source is not
    registered are left out."""
    found = [*_walk(config, ""), *_recipes(config)]
    return [part for part in found if part.keys]


def bibliography(parts: Sequence[Cited]) -> list[Entry]:
    """The works of `parts`, each once, in order of appearance; aimcjax itself last."""
    keys = dict.fromkeys(key for part in parts for key in part.keys)
    return [library()[key] for key in (*keys, "aimcjax")]


def bibtex(parts: Sequence[Cited]) -> str:
    """The text of a `.bib` file: the works of `parts`, and above it which part needs which."""
    uses: dict[str, list[str]] = {}
    for part in parts:
        for key in part.keys:
            uses.setdefault(key, []).append(part.name)
    lines = [f"% {key}: {', '.join(dict.fromkeys(names))}" for key, names in uses.items()]
    return "\n".join([*lines, "% aimcjax: this program", "", *(entry.bibtex() + "\n" for entry in bibliography(parts))])


def device_name(tree: Any) -> str:
    """What people call a device of a config (`tree`): the published set of parameters that it equals, or else its
    type."""
    if isinstance(tree, str):
        return tree
    if not isinstance(tree, Mapping):
        return "unknown"
    return _published(tree) or str(tree.get("type", "unknown"))


def build_device(tree: Any) -> Any:
    """The device of a config (`tree`), `None` if it has none or one that this version does not know."""
    for role in (devices.AbstractDevice, pulsed.AbstractPulsedDevice):
        try:
            return _REGISTRY.build(tree, role)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            continue
    return None


def _published(tree: Mapping[str, Any]) -> str | None:
    device = build_device(dict(tree))
    if device is None:
        return None
    name = devices.recognised(device)
    return name or next((name for name in pulsed.preset_names() if eqx.tree_equal(device, pulsed.preset(name))), None)


def _walk(tree: Any, path: str, section: str = "components") -> Iterator[Cited]:
    if isinstance(tree, (list, tuple)):
        for index, item in enumerate(tree):
            yield from _walk(item, f"{path}.{index}", section)
    if not isinstance(tree, Mapping):
        return
    if isinstance(tree.get("type"), str):
        yield _named(tree, path, section)
    for key, value in tree.items():
        where = f"{path}.{key}".lstrip(".")
        many = section if section == "algorithm" and isinstance(value, Mapping) else "components"
        inner = "algorithm" if key in _MANY else _NAMED.get(str(key), many)
        yield from _walk(value, where, inner)


def _named(tree: Mapping[str, Any], path: str, section: str) -> Cited:
    name, known = tree["type"], sources()
    if section == "components" and name == "chip":
        return Cited(path, str(tree.get("name")), known["chips"].get(str(tree.get("name")), ()))
    keys = known[section].get(name, ())
    if section == "components" and path.rsplit(".", 1)[-1] in ("device", "cell"):
        published = _published(tree)
        more = {**known["components"], **known["pulsed"]}.get(published or "", ())
        return Cited(path, published or name, tuple(dict.fromkeys((*more, *keys))))
    return Cited(path, name, keys)


def _recipes(config: Mapping[str, Any]) -> Iterator[Cited]:
    """What has no `type`: the recipe of the trainings, adapters and placement."""
    known, hwa = sources()["recipe"], _section(config, "hwa_training")
    adapter, chip = _section(config, "adapter") or _section(config, "lora"), _section(config, "chip")
    trained = [_section(config, key) for key in ("digital_training", "hwa_training", "training", "pretraining")]
    steps = {
        "adamw": any(section.get("epochs") for section in trained),
        "noise_injection": bool(hwa.get("epochs")),
        "clipping_per_column": bool(hwa.get("epochs")) and hwa.get("clip_per") == "column",
        "weight_ranges": bool(hwa.get("epochs")) and bool(hwa.get("weight_ranges")),
        "distillation": any(_section(section, "distillation") for section in (hwa, adapter)),
        "lora": bool(adapter) and adapter.get("kind", "lora") == "lora",
        "loha": adapter.get("kind") == "loha",
        "lora_plus": bool(adapter) and adapter.get("plus_ratio", 1.0) != 1.0,
        "halora": bool(adapter.get("halora_mu")),
        "soft_bounds": config.get("study") == "in_memory_toy",
        "coactivation": chip.get("strategy") == "coactivation",
    }
    for name, used in steps.items():
        if used:
            yield Cited("recipe", name, known[name])


def _section(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = tree.get(key)
    return found if isinstance(found, Mapping) else {}
