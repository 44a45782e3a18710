"""Every registered model that cites a source has its entry, and configs find theirs."""

import inspect
import re
from pathlib import Path

import pytest
import yaml

from aimcjax import chips, devices
from aimcjax.chips._load import ROLES as CHIP_ROLES
from aimcjax.config._algorithms import ALGORITHMS
from aimcjax.config._components import _ROLES
from aimcjax.config._data import DATA
from aimcjax.config._models import MODELS
from aimcjax.devices import pulsed
from aimcjax.reports import bibliography


COMPONENTS = {name: make for role in {**_ROLES, **CHIP_ROLES}.values() for name, make in role.types.items()}


def _reference(make) -> str:
    found = re.search(r"\*\*Reference:\*\*(.*?)(?:\n\s*\n|\*\*|\Z)", inspect.getdoc(make) or "", re.DOTALL)
    return " ".join(found.group(1).split()) if found else ""


CITING = {name: text for name, make in COMPONENTS.items() if (text := _reference(make))}
YEAR = re.compile(r"(?<![:\d])(1[89]\d\d|20[0-2]\d)\b(?![.:])")
LIBRARY = bibliography.library()


def _years(keys) -> set[int]:
    return {LIBRARY[key].year for key in keys}


@pytest.mark.parametrize("name", sorted(CITING))
def test_years_of_a_docstring_are_those_of_its_entries(name: str) -> None:
    wanted = {int(year) for year in YEAR.findall(CITING[name])}
    keys = bibliography.sources()["components"].get(name, ())
    have = _years(keys)
    # Preprint and print may be a year apart.
    assert all(any(abs(year - other) <= 1 for other in have) for year in wanted), (wanted, keys)
    if " et al." in CITING[name]:
        assert keys


@pytest.mark.parametrize("name", sorted(name for name in bibliography.sources()["components"] if name in CITING))
def test_first_authors_or_programs_are_in_the_docstring(name: str) -> None:
    """The other way round: nothing is cited that the docstring does not speak of."""
    programs = {"rasch2021": "AIHWKit", "crosssim": "CrossSim", "lammie2022": "MemTorch",
                "andrulis2024cimloop": "CiMLoop", "shafiee2016": "ISAAC", "jiang2014nanohub": "nanoHUB",
                "peng2021": "NeuroSim", "wan2022": "NeuRRAM",
                "ieee1241": "IEEE Std 1241", "buechel2024lightning": "Lightning", "legallo2023": "HERMES"}  # fmt: skip
    text = CITING[name].replace("Buechel", "Büchel")
    if text.startswith("as `"):
        text += CITING["pcm_hermes_1"]
    for key in bibliography.sources()["components"][name]:
        surname = LIBRARY[key].authors[0]
        assert surname in text or programs.get(key, surname) in text, (key, surname)


def test_every_name_is_registered_and_every_entry_is_used() -> None:
    known = bibliography.sources()
    assert set(known["components"]) <= set(COMPONENTS)
    assert set(known["pulsed"]) == set(pulsed.preset_names())
    assert set(known["chips"]) == set(chips.NAMES)
    assert (set(known["model"]), set(known["data"]), set(known["algorithm"])) == (
        set(MODELS),
        set(DATA),
        set(ALGORITHMS),
    )
    used = {key for section in known.values() for keys in section.values() for key in keys}
    assert used | {"aimcjax"} == set(LIBRARY)


@pytest.mark.parametrize("name", pulsed.preset_names())
def test_years_of_data_sheets_are_those_of_entries(name: str) -> None:
    wanted = {int(year) for year in YEAR.findall(devices.datasheet(name).source)}
    assert wanted <= _years(bibliography.sources()["pulsed"][name])


@pytest.mark.parametrize("key", sorted(LIBRARY))
def test_entries_parse_and_are_whole(key: str) -> None:
    entry = LIBRARY[key]
    assert bibliography.parse_bibtex(entry.bibtex()) == {key: entry}
    assert {"author", "title", "year"} <= set(entry.fields)
    assert entry.kind != "article" or "journal" in entry.fields
    assert entry.kind != "inproceedings" or "booktitle" in entry.fields
    assert re.fullmatch(r"10\.\d{4,}/\S+", entry.fields.get("doi", "10.1234/x"))
    assert "\\" not in entry.line(), "an accent that is not known"
    assert "{" not in entry.line()
    assert str(entry.year) in entry.line()


def test_broken_entries_are_refused() -> None:
    good = LIBRARY["chua1971"].bibtex()
    with pytest.raises(ValueError, match="twice"):
        bibliography.parse_bibtex(good + "\n\n" + good)
    with pytest.raises(ValueError, match="not readable"):
        bibliography.parse_bibtex(good.replace("1971},", "1971,"))
    with pytest.raises(ValueError, match="not a BibTeX entry"):
        bibliography.parse_bibtex("Chua, 1971\n" + good)


def _keys(config) -> dict[str, tuple[str, ...]]:
    return {f"{part.path}:{part.name}": part.keys for part in bibliography.cited(config)}


def test_a_config_cites_device_tile_recipe_and_chip() -> None:
    text = (Path(__file__).parents[2] / "configs" / "quickstart.yaml").read_text()
    config = yaml.safe_load(text)
    config |= {"chip": {"design": {"type": "chip", "name": "hermes_2023"}, "strategy": "coactivation"}}
    config["hwa_training"] |= {"clip_per": "column", "distillation": {"weight": 1.0}}
    config["adapter"] = {"kind": "lora", "rank": 4, "plus_ratio": 16.0, "halora_mu": 0.1, "epochs": 1}
    keys = _keys(config)
    assert keys["tile.device:pcm_joshi2020"][:2] == ("joshi2020", "nandakumar2019")
    assert keys["model:vit"] == ("dosovitskiy2021", "vaswani2017")
    assert keys["chip.design:hermes_2023"] == ("legallo2023",)
    for recipe in ("adamw", "noise_injection", "clipping_per_column", "distillation", "lora", "lora_plus", "halora"):
        assert keys[f"recipe:{recipe}"], recipe
    assert not any("loha" in name for name in keys)


def test_a_device_is_recognised_by_its_parameters_and_not_when_they_change() -> None:
    from aimcjax.config import describe

    tree = describe(devices.preset("pcm_hermes_1"))
    assert bibliography.device_name(tree) == "pcm_hermes_1"
    assert "legallo2023" in _keys({"tile": {"device": tree}})["tile.device:pcm_hermes_1"]
    assert bibliography.device_name({**tree, "g_max": "9 uS"}) == "pcm"
    assert bibliography.device_name({"type": "of another version"}) == "of another version"


def test_works_come_once_in_order_and_aimcjax_last() -> None:
    config = {"tile": {"type": "tile", "device": {"type": "pcm"}, "encoding": {"type": "differential_pair"}}}
    parts = bibliography.cited(config)
    assert [entry.key for entry in bibliography.bibliography(parts)] == [
        "rasch2023", "joshi2020", "nandakumar2019", "aimcjax"
    ]  # fmt: skip
    text = bibliography.bibtex(parts)
    without_comments = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert list(bibliography.parse_bibtex(without_comments)) == ["rasch2023", "joshi2020", "nandakumar2019", "aimcjax"]
    assert "% joshi2020: pcm_joshi2020, differential_pair" in text
