"""The JSON Schema of configs: takes every config that comes with aimcjax, and marks what the loader refuses."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from aimcjax.config import json_schema, load_study


CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads(json.dumps(json_schema()))


@pytest.fixture(scope="module")
def validator(schema: Any) -> Any:
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_are_valid_as_written_and_as_resolved(path: Path, validator: Any) -> None:
    validator.validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    validator.validate(yaml.safe_load(load_study(path).to_yaml()))


def test_every_reference_has_a_definition(schema: Any) -> None:
    wanted = set(re.findall(r'"\$ref": "#/\$defs/([^"]+)"', json.dumps(schema)))
    assert wanted <= set(schema["$defs"])


WRONG = {
    "unknown key": ("titel", 1),
    "unknown key inside": ("sweep.n_chip", 3),
    "unknown parameter": ("tile.device.gmax", "3 uS"),
    "wrong unit": ("tile.device.g_max", "25 uV"),
    "missing unit": ("tile.device.g_max", 25),
    "unknown device": ("tile.device.type", "pmc"),
    "wrong type": ("sweep.n_chips", "many"),
    "boolean for a number": ("tile.rows", True),
    "unknown model": ("model.type", "vitt"),
    "unknown study": ("study", "servce"),
    "chips are at least two": ("sweep.n_chips", 1),
    "unknown chip part": ("chip", {"design": {"type": "chip", "cor": {}}}),
    "axis": ("sweep.axes", {"tile.rows": {"linspce": [1, 2, 3]}}),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_marked(name: str, validator: Any) -> None:
    tree = yaml.safe_load((CONFIGS[0].parent / "quickstart.yaml").read_text(encoding="utf-8"))
    path, value = WRONG[name]
    *parents, last = path.split(".")
    node = tree
    for part in parents:
        node = node[part]
    node[last] = value
    assert not validator.is_valid(tree)


def test_parameters_have_units_and_sources(schema: Any) -> None:
    devices = schema["$defs"]["component.AbstractDevice"]["anyOf"][1]["oneOf"]
    pcm = next(device for device in devices if device["title"] == "pcm")
    assert pcm["properties"]["g_max"]["$ref"] == "#/$defs/quantity.S"
    assert pcm["properties"]["g_max"]["description"].startswith("[S] ")
    assert pcm["additionalProperties"] is False


def test_one_study_alone_and_no_other() -> None:
    found = jsonschema.Draft202012Validator(json_schema("service"))
    service, quick = (
        yaml.safe_load((CONFIGS[0].parent / f"{name}.yaml").read_text()) for name in ("service_digits", "quickstart")
    )
    assert found.is_valid(service)
    assert not found.is_valid(quick)
    with pytest.raises(ValueError, match="did you mean 'service'"):
        json_schema("servce")
