"""Artifacts of a placed model: what their schemas say, what comes back from edited ones, and what is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.random as jr
import jsonschema
import pytest
import yaml
from small_network import MODEL, SAMPLE

from aimcjax import chips, nn
from aimcjax.chips import Chip


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder, chip = tmp_path_factory.mktemp("map"), Chip(grid=(4, 6), tiers=2)
    programmed = eqx.filter_jit(nn.program)(MODEL, key=jr.key(1))
    placement = chips.place(programmed, chip, sample=SAMPLE, strategy="balanced", replicas={"layers/2": 2})
    chips.write_artifacts(folder, programmed, placement)
    return folder, chip, placement


def test_artifacts_are_what_their_schemas_say(written: Any) -> None:
    folder, _, placement = written
    rows = json.loads((folder / "mapping_table.json").read_text())
    jsonschema.validate(rows, chips.schema("mapping_table"))
    assert len(rows) == len(placement.items) == len({row["tile_id"] for row in rows})
    for row in rows:
        state = json.loads((folder / row["calibration"]).read_text())
        jsonschema.validate(state, chips.schema("per_tile_calibration"))
        assert len(state["scale"]) == row["col_range"][1] - row["col_range"][0]
        assert max(state["scale"]) == pytest.approx(row["scale"], rel=1e-6)
    policy = chips.service.load_policy(folder / "runtime_policy.yaml")
    for tree in (yaml.safe_load((folder / "runtime_policy.yaml").read_text()), chips.service.describe_policy(policy)):
        jsonschema.validate(tree, chips.schema("runtime_policy"))
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**tree, "refresh": {"evry": "1 day"}}, chips.schema("runtime_policy"))
    with pytest.raises(ValueError, match="no schema 'mapping'"):
        chips.schema("mapping")


def test_measured_calibrations_are_those_of_the_table(written: Any, tmp_path: Path) -> None:
    shutil.copytree(written[0], tmp_path / "run")
    row = chips.read_mapping(tmp_path / "run")[0]
    path = tmp_path / "run" / row["calibration"]
    state = json.loads(path.read_text())
    path.write_text(json.dumps({**state, "scale": [1.5 * value for value in state["scale"]]}))
    with pytest.raises(ValueError, match=f"tile {row['tile_id']}: scale cannot be given by hand"):
        chips.read_mapping(tmp_path / "run")


@pytest.mark.parametrize("scale", [0.5, "much", True])
def test_a_scale_is_none_without_its_calibration(written: Any, tmp_path: Path, scale: Any) -> None:
    path, rows = tmp_path / "mapping_table.json", chips.read_mapping(written[0])
    blank = [{**row, "scale": None} for row in rows]
    path.write_text(json.dumps(blank))
    assert chips.read_mapping(path) == blank
    path.write_text(json.dumps([*blank[:3], {**blank[3], "scale": scale}]))
    with pytest.raises(ValueError, match=f"tile {rows[3]['tile_id']}: scale is ") as error:
        chips.read_mapping(path)
    assert "\n" not in str(error.value)


def test_a_mapping_comes_back_as_it_was_and_can_be_changed(written: Any) -> None:
    folder, chip, placement = written
    rows = chips.read_mapping(folder / "mapping_table.json")
    again = chips.place(MODEL, chip, sample=SAMPLE, mapping=rows)
    assert again.items == placement.items
    free = next(slot for slot in chip.slots() if slot not in {item.slot for item in placement.items})
    rows[3] = {**rows[3], "bank": free.bank, "grid_row": free.row, "grid_col": free.col, "tier": free.tier}
    moved = chips.place(MODEL, chip, sample=SAMPLE, mapping=rows)
    assert [item.slot for item in moved.items].count(free) == 1


def _edit(name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    changed = [dict(row) for row in rows]
    place = ("bank", "grid_row", "grid_col", "tier")
    if name == "overlap":
        changed[10].update({key: changed[2][key] for key in place})
    elif name == "hole":
        del changed[4]
    elif name == "off":
        changed[0]["grid_row"] = 9
    elif name == "cut":
        changed[1]["row_range"] = [0, 4]
    elif name == "twice":
        changed[1].update({key: changed[0][key] for key in ("row_range", "col_range")})
    elif name == "bits":
        changed[2]["adc_bits"] = 3.0
    elif name == "chip":
        changed[0]["chip"] = "another"
    elif name == "layer":
        changed[0]["layer"] = "layers/9"
    elif name == "name":
        changed[1]["tile_id"] = changed[0]["tile_id"]
    elif name == "copies":
        changed[1]["replication"] = 5
    elif name == "billion":
        changed[1]["replica"] = 10**9
    return changed


EDITED = {
    "overlap": "layer layers/1, tile tile_0010 overlaps layer layers/0, tile tile_0002: both are at bank 0",
    "hole": r"layer layers/0 has a hole: no tile holds inputs \[7, 14\] and outputs \[8, 16\], beside tile",
    "off": "layer layers/0, tile tile_0000: bank 0, row 9, column .* is not on chip chip",
    "cut": r"layer layers/0, tile tile_0001: inputs \[0, 4\] .* is no block of the layer",
    "twice": "layer layers/0, tile tile_0001 holds weights that another tile holds",
    "bits": "layer layers/0, tile tile_0002: adc_bits is 3.0 and that of the model and chip is 8.0; only positions",
    "chip": "layer layers/0, tile tile_0000: chip is 'another' and that of the model and chip is 'chip'",
    "name": "layer layers/0, tile tile_0000: another tile is called so too",
    "copies": "layer layers/0, tile tile_0001: replication is 5 and the table holds the layer 1 times",
    "billion": "layer layers/0, tile tile_0001: it is of replica 1000000000 and no tile is of replica 999999999",
    "layer": "the model has no layer 'layers/9' \\(tile tile_0000\\); did you mean 'layers/0'|no layer 'layers/9'",
}


@pytest.mark.parametrize("name", EDITED)
def test_bad_edits_name_layer_and_tile(written: Any, name: str) -> None:
    folder, chip, _ = written
    rows = _edit(name, chips.read_mapping(folder / "mapping_table.json"))
    with pytest.raises(ValueError, match=EDITED[name]) as error:
        chips.place(MODEL, chip, mapping=rows)
    assert "\n" not in str(error.value)


def test_what_is_no_mapping_table_is_refused(tmp_path: Any) -> None:
    path = tmp_path / "mapping_table.json"
    for text, message in (("{}", "expected a list with a row for every tile"), ('[{"tile_id": "a"}]', "row 0 has no")):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            chips.read_mapping(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer": ["layers/0"]}, "tile tile_0000: layer is a name, got "),
        (
            {"adc_bit": 3},
            "layer layers/0, tile tile_0000: a row of the table has no 'adc_bit'; did you mean 'adc_bits'",
        ),
    ],
)
def test_rows_hold_what_the_schema_says(written: Any, tmp_path: Any, changes: dict[str, Any], message: str) -> None:
    rows = chips.read_mapping(written[0] / "mapping_table.json")
    (tmp_path / "mapping_table.json").write_text(json.dumps([{**rows[0], **changes}, *rows[1:]]))
    with pytest.raises(ValueError, match=message) as error:
        chips.read_mapping(tmp_path)
    assert "\n" not in str(error.value)


def test_copies_asked_for_are_those_of_the_mapping(written: Any) -> None:
    folder, chip, _ = written
    rows = chips.read_mapping(folder / "mapping_table.json")  # layers/2 twice
    chips.place(MODEL, chip, mapping=rows, replicas={"layers/2": 2})
    with pytest.raises(ValueError, match="replicas asks for 3 copies of layer layers/2, the mapping has 2"):
        chips.place(MODEL, chip, mapping=rows, replicas={"layers/2": 3})
    with pytest.raises(ValueError, match="layers/7"):
        chips.place(MODEL, chip, mapping=rows, replicas={"layers/7": 2})
