"""JSON Schema of the configs, for editors: from the sections, and the constructors of the components."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from .. import chips
from ..components import component_schemas, suggest
from ._algorithms import ALGORITHMS
from ._components import REGISTRY
from ._load import MAIN, STUDIES
from ._schema import Config
from ._section import CHIP, DEFINED


_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/{model}"


class _Generator(GenerateJsonSchema):
    """With defaults as they are written, not as they are read."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}

    def default_schema(self, schema: Any) -> dict[str, Any]:
        inner = self.generate_inner(schema["schema"])
        default = schema.get("default", ...)
        return {**inner, "default": _listed(default)} if _is_plain(default) else inner


def json_schema(study: str | None = None) -> dict[str, Any]:
    """The schema (draft 2020-12) of the configs of `study`, or of all of them, told apart by their key `study`.

    **Raises:** `ValueError` for a study that there is not.
    """
    known = {MAIN: Config, **STUDIES}
    if study is not None and study not in known:
        raise ValueError(f"no study {study!r}; {suggest(study, known, always_list=True)}")
    defs: dict[str, Any] = {}
    wanted = [study] if study is not None else list(known)
    for name in wanted:
        tree = _of(known[name], defs)
        if name == MAIN:  # the main job need not say its name
            tree["properties"] = {**tree["properties"], "study": {"const": MAIN}}
        defs[f"study.{name}"] = tree
    defs = _resolved(defs)
    defs |= _components() | {"algorithm": _algorithms(defs)}
    reference = lambda name: {"$ref": f"#/$defs/study.{name}"}
    told_apart = {"allOf": [{"if": _is(name), "then": reference(name)} for name in wanted],
                  "properties": {"study": {"enum": wanted}}}  # fmt: skip
    root = reference(study) if study is not None else told_apart
    return {"$schema": _DIALECT, "title": f"aimcjax config{f' of {study}' if study else ''}", "type": "object",
            **root, "$defs": defs}  # fmt: skip


def _is(name: str) -> dict[str, Any]:
    tagged = {"properties": {"study": {"const": name}}}
    return tagged if name == MAIN else {**tagged, "required": ["study"]}


def _of(model: Any, defs: dict[str, Any]) -> dict[str, Any]:
    """The schema of a section; those of its parts go to `defs`."""
    tree = model.model_json_schema(ref_template=_REF, schema_generator=_Generator)
    defs |= tree.pop("$defs", {})
    return tree


def _algorithms(defs: dict[str, Any]) -> dict[str, Any]:
    options = []
    for name, section in ALGORITHMS.items():
        tree = _of(section, defs)
        options.append({**tree, "required": sorted({"type", *tree.get("required", [])}), "title": name})
    return _resolved({"title": "an algorithm of in-memory training", "oneOf": options})


def _resolved(tree: Any) -> Any:
    if isinstance(tree, dict):
        plain = {key: _resolved(value) for key, value in tree.items() if key != DEFINED}
        return plain | ({"$ref": f"#/$defs/{tree[DEFINED]}"} if DEFINED in tree else {})
    return [_resolved(item) for item in tree] if isinstance(tree, list) else tree


def _components() -> dict[str, Any]:
    of_chips = component_schemas(chips.REGISTRY, family=CHIP, sourced=True, untyped=frozenset(chips.ROLES))
    return {**of_chips, **component_schemas(REGISTRY)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return value is None or isinstance(value, bool | int | float | str)


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value
