"""`aimcjax devices`: presets side by side, one with its sources, drawings, and one line for every mistake."""

import dataclasses
from pathlib import Path

import one_line
import pytest
from typer.testing import CliRunner, Result

from aimcjax import cli, devices


pytestmark = pytest.mark.usefixtures("elsewhere")


def _devices(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["devices", *arguments], env={"COLUMNS": "200"})


def test_devices_are_compared() -> None:
    result = _devices()
    assert result.exit_code == 0
    for name in devices.preset_names():
        assert name in result.stdout
    for word in (
        "range",
        "on/off",
        "programming error",
        "drift",
        "read noise",
        "endurance",
        "retention",
        "write energy",
    ):
        assert word in result.stdout
    assert "vteam_technion" in result.stdout
    assert "Joshi et al., Nat. Commun. 11:2473 (2020)" in result.stdout


@pytest.mark.parametrize("name", ["pcm_joshi2020", "stanford_pku_default", "rpu_gokmen2016"])
def test_one_device_shows_its_sources_and_parameters(name: str, elsewhere: Path) -> None:
    result = _devices(name)
    assert result.exit_code == 0
    assert "parameters" in result.stdout
    fields = [field.name for field in dataclasses.fields(devices.preset(name))]
    assert all(field in result.stdout for field in fields if getattr(devices.preset(name), field) is not None)
    assert list(elsewhere.iterdir()) == []


def test_a_drawing_is_written_once(elsewhere: Path) -> None:
    assert _devices("ideal", "--plot").exit_code == 0
    before = (elsewhere / "ideal.png").read_bytes()
    assert before.startswith(b"\x89PNG")
    (elsewhere / "ideal.png").write_bytes(b"mine")
    assert "ideal.png exists already" in one_line.refusal(_devices("ideal", "--plot"))
    assert (elsewhere / "ideal.png").read_bytes() == b"mine"
    assert _devices("ideal", "--plot", "--overwrite").exit_code == 0
    assert (elsewhere / "ideal.png").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["pcm_joshi202"], "did you mean 'pcm_joshi2020'?"),
        (["nothing.yaml"], "no preset file nothing.yaml"),
        (["--plot"], "--plot needs the NAME of a device"),
        (["vteam_technion", "--plot"], "--plot draws programming, drift and reads"),
        (["ideal", "--plot", "--out", "no/such/folder/a.png"], "no/such/folder"),
    ],
)
def test_mistakes_with_devices_get_one_line(arguments: list[str], fragment: str, elsewhere: Path) -> None:
    result = _devices(*arguments)
    assert result.exit_code == 2
    assert fragment in one_line.only_line(result.stderr)
    assert list(elsewhere.iterdir()) == []
