"""All commands alike: examples in their help, the same options in the same words and order, JSON and nothing else."""

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import one_line
import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from aimcjax import cli, studies


CONFIGS = Path(__file__).parents[1] / "configs"
CONFIG = str(CONFIGS / "mlp_digits.yaml")
GROUP: Any = typer.main.get_command(cli.app)
WRITES = ("out", "overwrite")
ANSWERS = ("quiet", "json")
COMMANDS: dict[str, Sequence[str]] = {
    # command: the options that it shares with others, in their order
    "run": (*WRITES, "from", "track", "print", *ANSWERS),
    "train": (*WRITES, "track", "print", *ANSWERS),
    "sweep": (*WRITES, "from", "track", "print", *ANSWERS),
    "check": ("print", *ANSWERS),
    "plan": ("print", *ANSWERS),
    "map": (*WRITES, "print", *ANSWERS),
    "cost": (*WRITES, "print", *ANSWERS),
    "devices": (*WRITES, *ANSWERS),
    "fit": (*WRITES, *ANSWERS),
    "plot": (*WRITES, *ANSWERS),
    "report": (*WRITES, *ANSWERS),
    "cite": WRITES,
    "validate": ("out", *ANSWERS),
    "schema": WRITES,
}
SHARED = (*WRITES, "from", "track", "print", *ANSWERS)

pytestmark = pytest.mark.usefixtures("elsewhere")


def _invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments)


def _options(command: str) -> dict[str, Any]:
    found = {}
    for parameter in GROUP.commands[command].params:
        names = [name for name in parameter.opts if name.startswith("--")]
        if names:
            found[names[0].removeprefix("--")] = parameter
    return found


def test_every_command_is_in_the_table() -> None:
    assert set(GROUP.commands) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_of_the_command(command: str) -> None:
    result = _invoke(command, "--help")
    assert result.exit_code == 0
    examples = " ".join(result.stdout.split()).partition("Example")[2]
    assert f"aimcjax {command}" in examples


@pytest.mark.parametrize("command", COMMANDS)
def test_shared_options_are_there_in_order(command: str) -> None:
    found = [name for name in _options(command) if name in SHARED]
    assert found == list(COMMANDS[command])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_says_what_it_is(command: str) -> None:
    for name, parameter in _options(command).items():
        assert parameter.help, name


def test_shared_options_have_the_same_words() -> None:
    for name in ("overwrite", "from", "track", "print", "quiet", "json"):
        words = {_options(command)[name].help for command in COMMANDS if name in COMMANDS[command]}
        assert len(words) == 1, name
    assert all("-q" in _options(command)["quiet"].opts for command in COMMANDS if "quiet" in COMMANDS[command])


@pytest.mark.parametrize("command", [name for name in COMMANDS if "print" in COMMANDS[name]])
def test_print_shows_the_resolved_config_and_stops(command: str, elsewhere: Path) -> None:
    result = _invoke(command, CONFIG, "tile.rows=33", "--print")
    assert (result.exit_code, result.stderr) == (0, "")
    assert yaml.safe_load(result.stdout)["tile"]["rows"] == 33
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (("check", CONFIG, "--fast"), {"config", "study", "tiles", "estimate"}),
        (("cost", CONFIG), {"energy_J", "latency_s", "components_J", "chart"}),
        (("map", CONFIG), {"out", "blocks", "tiles"}),
        (("devices", "ideal"), {"name", "datasheet", "parameters"}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_json_is_all_that_is_printed(arguments: tuple[str, ...], keys: set[str]) -> None:
    result = _invoke(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert keys <= set(json.loads(result.stdout))
    quiet = _invoke(*arguments, "--quiet", *(["--overwrite"] if arguments[0] in ("map", "cost") else []))
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")


@pytest.mark.parametrize("arguments", [("cost", CONFIG, "--quiet"), ("schema", "service", "--out", "service.json")])
def test_a_file_that_is_there_is_replaced_only_when_asked(arguments: tuple[str, ...], elsewhere: Path) -> None:
    assert _invoke(*arguments).exit_code == 0
    (file,) = elsewhere.iterdir()
    file.write_text("mine")
    told = f"{file.name} exists already; choose another --out, or replace it with --overwrite"
    assert told in one_line.refusal(_invoke(*arguments))
    assert file.read_text() == "mine"
    assert _invoke(*arguments, "--overwrite").exit_code == 0
    assert file.read_bytes() != b"mine"


@pytest.mark.parametrize("command", ["run", "train", "sweep"])
def test_json_of_a_run_is_its_summary(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def pretended(config: Any, out: Path, **_: Any) -> str:
        out.mkdir(parents=True)
        (out / "summary.json").write_text('{"accuracy": 0.5}')
        return "a report"

    monkeypatch.setattr(studies, command, pretended)
    result = _invoke(command, CONFIG, "--json", "--out", "here")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {"out": "here", "accuracy": 0.5}


def test_version_is_that_of_the_package() -> None:
    assert _invoke("--version").stdout == f"aimcjax {importlib.metadata.version('aimcjax')}\n"


@pytest.mark.parametrize(
    "command",
    ["schema --out /proc/none.json", f"cost {CONFIG} --out /proc/none.png",
     "devices pcm_joshi2020 --plot --out /proc/none.png", "devices vteam_technion --verilog-a /proc/none.va"],
    ids=lambda command: command.split()[0],
)  # fmt: skip
def test_a_place_where_nothing_can_be_written_is_one_line(command: str) -> None:
    result = _invoke(*command.split())  # in a folder where not even an administrator can write
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert result.stderr.startswith("aimcjax: ")
    assert "none" in result.stderr
    assert "Errno" not in result.stderr
    assert "choose another" in result.stderr


def _completed(arguments: str, word: str) -> list[str]:
    asked = {"_AIMCJAX_COMPLETE": "complete_bash", "COMP_WORDS": arguments, "COMP_CWORD": word}
    environment = {**os.environ, "PYTHONPATH": str(CONFIGS.parent), **asked}
    command = [sys.executable, "-c", "import sys; sys.argv[0] = 'aimcjax'; from aimcjax.cli import main; main()"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.split()


def test_shells_complete_commands_configs_and_keys(elsewhere: Path) -> None:
    (elsewhere / "mine.yaml").write_text("tile: {rows: 64}\nseed: 0\n")
    assert _completed("aimcjax run mi", "2") == ["mine.yaml"]
    assert _completed("aimcjax run mine.yaml tile.", "3") == ["tile.rows="]
