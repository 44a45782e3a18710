"""Imports point one way, and only the files that should know a framework know it."""

import ast
import pathlib

import pytest

import aimcjax


PACKAGE = pathlib.Path(aimcjax.__file__).parent
# Each part may import what stands before it. Parts on one line do not import each other.
LEVELS = [
    {"units", "_types"},
    {"_random", "_over", "components"},
    {"devices", "periphery"},
    {"fitting"},
    {"tiles"},
    {"mapping"},
    {"nn"},
    {"models", "datasets", "checkpoint"},
    {"training", "chips"},
    {"sweeps"},
    {"reports"},
    {"config"},
    {"studies"},
    {"validation"},
    {"cli"},
    {"__main__"},
]
LEVEL = {part: level for level, parts in enumerate(LEVELS) for part in parts}
# The same of the folders of one part that has many.
STUDIES = [{"_running"}, {"_networks"}, {"_main_job", "_sweep", "_in_memory", "_chip"}, {"_outlook"}, {"_registry"}]
STUDY_LEVEL = {part: level for level, parts in enumerate(STUDIES) for part in parts}
ONLY_IN = {"pydantic": {"config"}, "typer": {"cli"}, "matplotlib": {"reports"}, "zarr": {"sweeps"},
           "xarray": {"reports", "chips", "sweeps", "studies"},
           "sklearn": {"datasets"}, "orbax": {"checkpoint"}, "flax": {"nn"}, "numpyro": {"fitting"},
           "yaml": {"config", "reports", "components", "fitting"}}  # fmt: skip
FILES = sorted(PACKAGE.rglob("*.py"))


def _part(path: pathlib.Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def _imports(path: pathlib.Path) -> set[tuple[str, ...]]:
    """Absolute dotted names of everything that a file imports."""
    here = ("aimcjax", *path.relative_to(PACKAGE).with_suffix("").parts)[:-1]
    found: set[tuple[str, ...]] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else ()
            module = (*base, *(node.module.split(".") if node.module else ()))
            found |= {(*module, alias.name) for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: pathlib.Path) -> None:
    part = _part(path)
    if part == "__init__":
        assert not any(name[0] == "aimcjax" for name in _imports(path))
        return
    for name in _imports(path):
        if name[0] == "aimcjax" and len(name) > 1 and name[1] != part:
            assert name[1] in LEVEL, f"{path} imports {'.'.join(name)}"
            assert LEVEL[name[1]] < LEVEL[part], f"{part} must not import {name[1]}"


def test_studies_import_what_stands_before_them() -> None:
    files = {path: path.relative_to(PACKAGE / "studies").with_suffix("").parts[0]
             for path in (PACKAGE / "studies").rglob("*.py")}  # fmt: skip
    assert set(files.values()) - {"__init__"} == set(STUDY_LEVEL)
    for path, part in files.items():
        used = {name[2] for name in _imports(path) if name[:2] == ("aimcjax", "studies")} - {part}
        above = [one for one in used if STUDY_LEVEL[one] >= STUDY_LEVEL.get(part, len(STUDIES))]
        assert not above, f"{path} imports {above}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_frameworks_stay_where_they_belong(path: pathlib.Path) -> None:
    for name in _imports(path):
        if name[0] in ONLY_IN:
            assert _part(path) in ONLY_IN[name[0]], f"{path} imports {name[0]}"


def test_every_part_has_a_level() -> None:
    assert {_part(path) for path in FILES} - {"__init__"} == set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_are_small(path: pathlib.Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            assert (node.end_lineno or 0) - body[0].lineno < 40, f"{node.name} is too long"
