"""`aimcjax report`, `plot` and `cite` from the command line: what they write, and one line for every mistake."""

from pathlib import Path

import one_line
import pytest
from saved_runs import main_job
from typer.testing import CliRunner, Result

from aimcjax import cli
from aimcjax.reports import bibliography


pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return main_job(tmp_path_factory.mktemp("runs") / "main")


def _aimcjax(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def test_report_writes_one_directory(run: Path, elsewhere: Path) -> None:
    result = _aimcjax("report", run)
    assert (result.exit_code, result.stdout) == (0, "report: reports/main/report.html\n"), result.output
    assert (elsewhere / "reports" / "main" / "report.html").is_file()
    assert "exists already" in one_line.refusal(_aimcjax("report", run))
    assert [path.name for path in elsewhere.iterdir()] == ["reports"]


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_plot_writes_the_format_asked_for(suffix: str, run: Path, elsewhere: Path) -> None:
    result = _aimcjax("plot", run, "--x", "time", "--y", "accuracy", "--hue", "road", "--out", f"a{suffix}")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"drawing: a{suffix}\n"
    assert "note: averaged over compensation (2)" in result.stderr
    starts = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}
    assert (elsewhere / f"a{suffix}").read_bytes().startswith(starts[suffix])
    assert "exists already" in one_line.refusal(_aimcjax("plot", run, "--out", f"a{suffix}"))


def test_cite_prints_bibtex_or_writes_it(run: Path, elsewhere: Path) -> None:
    result = _aimcjax("cite", run)
    assert (result.exit_code, result.stderr) == (0, "")
    entries = bibliography.parse_bibtex("\n".join(x for x in result.stdout.splitlines() if not x.startswith("%")))
    assert {"joshi2020", "rasch2023", "legallo2023", "esser2020", "buechel2025foundation", "aimcjax"} <= set(entries)
    assert _aimcjax("cite", run, "--out", "a.bib").stdout == "references: a.bib\n"
    assert (elsewhere / "a.bib").read_text() == result.stdout
    assert "exists already" in one_line.refusal(_aimcjax("cite", run, "--out", "a.bib"))


MISTAKES = {
    "no such run": (["report", "nowhere"], "there is no run nowhere"),
    "no run": (["plot", "."], "is not a run"),
    "bad name": (["plot", "RUN", "--hue", "raod"], "did you mean 'road'?"),
    "bad condition": (["plot", "RUN", "--where", "road"], "--where is NAME=VALUE"),
    "bad format": (["plot", "RUN", "--out", "a.gif"], "--out takes the name of a .png, .pdf or .svg file"),
    "no folder": (["plot", "RUN", "--out", "no/a.png"], "in a folder that is there"),
    "bad bib": (["cite", "RUN", "--out", "a.txt"], "--out takes the name of a .bib file"),
    "not a report": (["report", "RUN", "--out", ".", "--overwrite"], "is not a report"),
    "twice": (["cite", "RUN", "RUN"], "is there twice"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_get_one_line_and_leave_nothing(name: str, run: Path, elsewhere: Path) -> None:
    arguments, words = MISTAKES[name]
    assert words in one_line.refusal(_aimcjax(*[run if argument == "RUN" else argument for argument in arguments]))
    assert list(elsewhere.iterdir()) == []


def test_help_teaches_by_example() -> None:
    for command in ("report", "plot", "cite"):
        result = _aimcjax(command, "--help")
        assert result.exit_code == 0
        assert f"aimcjax {command} runs/" in " ".join(result.stdout.split())
