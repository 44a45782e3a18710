"""The registry of published numbers: what a check must say, and that a wrong one is shown as wrong."""

import ast
import dataclasses
import json
import math
import pathlib

import jax
import pytest
from typer.testing import CliRunner

import aimcjax
from aimcjax import cli, validation
from aimcjax.validation import Absolute, AtLeast, AtMost, Check, Origin, Paper, Range, Relative, Verdict


CHECKS = validation.all_checks()
FILES = sorted((pathlib.Path(aimcjax.__file__).parent / "validation" / "papers").glob("_[a-z]*.py"))
PAPER = Paper("nobody1900", "Nobody, J. None 1:1 (1900)", "https://doi.org/10.0/0")
GOOD = Check(PAPER, "two", "one and one", lambda: 2.0, 2.0, Absolute(0.0), "exact", Origin.FORMULA)
WRONG = dataclasses.replace(GOOD, name="three", published=3.0)


def _with(**changes) -> Check:
    return dataclasses.replace(GOOD, **changes)


def _verdict(check: Check) -> Verdict:
    (row,) = validation.run([check])
    return row.verdict


@pytest.mark.parametrize(
    "check",
    [c if c.seconds <= 1 else pytest.param(c, marks=pytest.mark.slow) for c in CHECKS],
    ids=lambda check: check.id,
)
def test_published_numbers_are_reproduced(check: Check) -> None:
    (row,) = validation.run([check])
    assert row.verdict is not Verdict.FAIL, f"{row.ours} for {check.values} {check.tolerance} {row.note}"


def test_ids_are_unique() -> None:
    ids = [check.id for check in CHECKS]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_check_says_where_its_number_is_from_and_how_near_it_must_be(check: Check) -> None:
    assert len(check.paper.citation) > 15
    assert check.paper.url.startswith("https://")
    assert len(check.reason) > 10
    assert len(check.quantity) > 10
    assert isinstance(check.origin, Origin)
    assert check.values or isinstance(check.tolerance, Range)
    assert all(map(math.isfinite, check.values))
    assert check.seconds > 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_papers_use_the_public_api_alone(path: pathlib.Path) -> None:
    private = lambda name: name.startswith("_") and not name.startswith("__")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            inside = node.level == 2 and node.module == "_check"
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            assert inside or not any(map(private, names)), f"{path.name} imports {names}"
        if isinstance(node, ast.Import):
            assert not any(private(part) for alias in node.names for part in alias.name.split("."))
        if isinstance(node, ast.Attribute):
            assert not private(node.attr), f"{path.name} uses {node.attr}"


def test_every_file_is_of_its_paper() -> None:
    keys = {check.paper.key for check in CHECKS}
    assert {f"_{key}" for key in keys} == {path.stem for path in FILES}
    assert len({check.paper for check in CHECKS}) == len(keys)


def test_what_is_wrong_is_shown_as_failed() -> None:
    def broken() -> float:
        raise RuntimeError("no such\ndevice")

    rows = validation.run([GOOD, WRONG, _with(compute=broken), _with(compute=lambda: [2.0, 2.0])])
    assert [row.verdict for row in rows] == [Verdict.PASS, Verdict.FAIL, Verdict.FAIL, Verdict.FAIL]
    assert rows[1].ours == (2.0,)
    assert rows[2].note == "RuntimeError: no such device"
    assert "shape (2,)" in rows[3].note
    assert not validation.all_good(rows)
    page = validation.markdown(rows)
    assert "4 checks: 1 pass, 3 fail, 0 known, 0 fitted" in page
    assert "**fail**" in page
    assert [record["verdict"] for record in json.loads(validation.as_json(rows))] == ["pass", "fail", "fail", "fail"]


@pytest.mark.parametrize(
    ("tolerance", "inside", "outside"),
    [
        (Absolute(0.1), 2.09, 2.11),
        (Relative(0.1), 2.19, 2.21),
        (AtMost(), 2.0, 2.001),
        (AtLeast(), 2.0, 1.999),
        (Range(1.0, 2.5), 2.5, 0.9),
    ],
    ids=lambda value: type(value).__name__,
)
def test_tolerances(tolerance, inside: float, outside: float) -> None:
    assert _verdict(_with(tolerance=tolerance, compute=lambda: inside)) is Verdict.PASS
    for wrong in (outside, math.nan, -math.inf if not isinstance(tolerance, AtMost) else math.inf):
        assert _verdict(_with(tolerance=tolerance, compute=lambda wrong=wrong: wrong)) is Verdict.FAIL


def test_a_range_of_the_source_is_shown_as_published() -> None:
    check = _with(published=(), tolerance=Range(1.0), compute=lambda: [1.5, 3.0])
    assert _verdict(check) is Verdict.PASS
    assert _verdict(dataclasses.replace(check, compute=lambda: [1.5, 0.5])) is Verdict.FAIL
    assert "| 1 or more | 1.5, 3 | 1 or more |" in validation.markdown(validation.run([check]))
    assert _verdict(dataclasses.replace(check, compute=list)) is Verdict.FAIL
    with pytest.raises(
        ValueError, match="nobody1900.two has no published numbers and tolerance ± 0.1; give it a Range"
    ):
        _with(published=(), tolerance=Absolute(0.1))


def test_one_of_several_numbers_is_enough_to_fail() -> None:
    check = _with(published=(1.0, 2.0), tolerance=Absolute((0.1, 0.5)), compute=lambda: [1.05, 2.4])
    assert _verdict(check) is Verdict.PASS
    assert _verdict(dataclasses.replace(check, compute=lambda: [1.4, 2.05])) is Verdict.FAIL


def test_a_range_of_ours_is_shown_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    check = _with(published=(), tolerance=Range(1.0), origin=Origin.STATED)
    (row,) = validation.run([check])
    cells = [cell.strip() for cell in validation.markdown([row]).split("| `nobody1900.two` |")[1].split("|")]
    assert cells[2] == "range stated beforehand"
    assert json.loads(validation.as_json([row]))[0]["published_shown"] == "range stated beforehand"
    monkeypatch.setattr(validation, "all_checks", lambda: (check,))
    for command in ((), ("--list",)):
        assert "range stated beforehand" in _invoke(*command).stdout
    with pytest.raises(ValueError, match="nobody1900.two has published numbers and origin range stated beforehand"):
        _with(origin=Origin.STATED)


def test_what_agrees_by_construction_is_not_shown_as_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = _with(name="chosen", fitted="the constant was chosen for it")
    rows = validation.run([GOOD, chosen, dataclasses.replace(WRONG, fitted="the constant")])
    assert [row.verdict for row in rows] == [Verdict.PASS, Verdict.FITTED, Verdict.FAIL]
    assert validation.all_good(rows[:2])
    assert not validation.all_good(rows)
    assert rows[1].note == "by construction: the constant was chosen for it"
    assert "3 checks: 1 pass, 1 fail, 0 known, 1 fitted" in validation.markdown(rows)
    assert "| fitted |" in validation.markdown(rows)
    assert json.loads(validation.as_json(rows))[1]["verdict"] == "fitted"
    monkeypatch.setattr(validation, "all_checks", lambda: (GOOD, chosen))
    done = _invoke()
    assert done.exit_code == 0
    assert "1 pass, 0 fail, 0 known, 1 fitted" in done.stdout
    assert "nobody1900.chosen (fitted): by construction" in done.stdout


def test_headlines_that_chips_were_described_by_are_fitted() -> None:
    by_construction = {
        "ambrogio2023.efficiency", "ambrogio2023.step", "buchel2025.operation", "buchel2025.product",
        "legallo2023.one_phase", "wan2022.headline",
    }  # fmt: skip
    assert {check.id for check in CHECKS if check.fitted} == by_construction


def test_numbers_from_memory_are_marked() -> None:
    marked = {check.id for check in CHECKS if check.to_be_verified}
    kept = {f"rasch2023_networks.{net}_1_{t}" for net in ("lstm", "cnn", "transformer") for t in ("h", "day", "year")}
    assert kept | {"rasch2023.error_about", "prezioso2015.epochs", "shafiee2016.adc", "gokmen2016.states"} <= marked


def test_known_discrepancies_and_numbers_from_memory_say_so() -> None:
    known = dataclasses.replace(WRONG, known_discrepancy="the source rounds", to_be_verified="the value")
    (row,) = validation.run([known])
    assert row.verdict is Verdict.KNOWN
    assert row.note == "the source rounds; to be verified: the value"
    assert validation.all_good([row])
    assert "although" in validation.run([dataclasses.replace(known, published=2.0)])[0].note
    assert _verdict(dataclasses.replace(known, compute=lambda: 1 / 0)) is Verdict.FAIL


def test_selection() -> None:
    checks = [GOOD, WRONG, _with(name="hours", slow=True)]
    names = lambda **options: [check.name for check in validation.select(checks, **options)]
    assert names() == ["two", "three"]
    assert names(slow=True) == ["two", "three", "hours"]
    assert names(only="Nobody1900.T") == names(only="*.t*") == ["two", "three"]
    with pytest.raises(ValueError, match=r"no check matches 'nobdy1900'; did you mean 'nobody1900'\?"):
        names(only="nobdy1900")
    with pytest.raises(ValueError, match=r"only slow checks match 'hours' \(nobody1900.hours\); add --slow"):
        names(only="hours")


def _invoke(*arguments: str):
    with jax.numpy_dtype_promotion("standard"):
        return CliRunner().invoke(cli.app, ["validate", *arguments])


def test_command(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "all_checks", lambda: (GOOD, WRONG, _with(name="hours", slow=True)))
    folder = tmp_path / "new"
    good, bad = _invoke("--only", "two", "--out", str(folder)), _invoke("--quiet")
    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert "1 checks" in good.stdout
    assert "| `nobody1900.two` |" in (folder / "validation.md").read_text()
    assert bad.stdout == bad.stderr == ""
    as_json = _invoke("--only", "three", "--json")
    assert as_json.stderr == ""
    (record,) = json.loads(as_json.stdout)
    assert (record["published"], record["ours"], record["verdict"]) == ([3.0], [2.0], "fail")
    assert json.loads((folder / "validation.json").read_text())[0]["verdict"] == "pass"
    assert "hours" in _invoke("--list").stdout
    assert [one["id"] for one in json.loads(_invoke("--list", "--json").stdout)][-1] == "nobody1900.hours"
    wrong = _invoke("--only", "tow")
    assert wrong.exit_code == 2
    assert wrong.stderr == "aimcjax: no check matches 'tow'; did you mean 'two'?\n"
    (tmp_path / "file").write_text("")
    for below in ("file", "file/deeper"):
        refused = _invoke("--out", str(tmp_path / below))
        assert refused.exit_code == 2
        assert refused.stderr.startswith("aimcjax: --out takes the name of a directory, and ")
