"""The docstrings are the reference: nothing public without its words, arguments, units and sources."""

import dataclasses
import importlib
import inspect
import pkgutil
import re
import typing
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import pytest

import aimcjax


# What needs no words: the vocabulary of the package, and arguments that are named as their types are.
VOCABULARY = {"key", "keys", "t", "x", "xs", "y", "labels", "w", "g", "v", "i", "model", "args", "kwargs"}
OF_THE_PHYSICS = ("devices", "periphery", "tiles", "chips")
# Definitions: nothing to cite, and their numbers come, with a source, from what uses them.
DEFINITIONS = {
    *("Constant", "Polynomial", "Piecewise", "ClippedLog", "Power", "Saturation", "LogTime", "Excess"),  # laws
    *("Uniform", "Gauss", "LogNormal", "Weibull", "NormalSpread", "LogNormalSpread"),  # distributions
    *("AbstractAffineStep", "NoisyAdc", "IdealCrossbar", "Poisson", "Bar"),
}
NAMES_NOT_MAPPED = {"cli": "a command is named by its help", "validation": "`validate` says what there is"}


def _packages() -> Iterator[str]:
    """All parts and their public sub-packages, without `aimcjax.`."""
    waiting = [info.name for info in pkgutil.iter_modules(aimcjax.__path__) if not info.name.startswith("_")]
    while waiting:
        name = waiting.pop(0)
        yield name
        module = importlib.import_module(f"aimcjax.{name}")
        below = pkgutil.iter_modules(getattr(module, "__path__", []))
        waiting += [f"{name}.{info.name}" for info in below if not info.name.startswith("_")]


PACKAGES = sorted(_packages())


def _public(package: str) -> dict[str, Any]:
    """What a package exports: its classes, functions, constants and sub-packages, but nothing of other libraries."""
    module = importlib.import_module(f"aimcjax.{package}")
    is_package, found = hasattr(module, "__path__"), {}
    for name, value in vars(module).items():
        if name.startswith("_"):
            continue
        if inspect.ismodule(value):
            mine = is_package and value.__name__.startswith(f"{module.__name__}.")
        elif inspect.isclass(value) or callable(value):
            home = str(getattr(value, "__module__", ""))
            mine = home.startswith("aimcjax") if is_package else home == module.__name__
        else:
            mine = is_package
        if mine:
            found[name] = value
    return found


def _functions(package: str) -> dict[str, Any]:
    return {name: value for name, value in _public(package).items() if inspect.isfunction(value)}


def _classes(package: str) -> dict[str, type]:
    return {name: value for name, value in _public(package).items() if inspect.isclass(value)}


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_public_has_a_docstring(package: str) -> None:
    assert importlib.import_module(f"aimcjax.{package}").__doc__
    without = [name for name, value in _functions(package).items() if not inspect.getdoc(value)]
    without += [name for name, value in _classes(package).items() if not _own_docstring(value)]
    assert not without


def _own_docstring(found: type) -> str:
    """Not one inherited, nor one that `NamedTuple` and dataclasses make of the fields."""
    doc = inspect.cleandoc(found.__dict__.get("__doc__") or "")
    return "" if doc.startswith(f"{found.__name__}(") else doc


@pytest.mark.parametrize("package", PACKAGES)
def test_the_docstring_of_a_package_is_its_map(package: str) -> None:
    module = importlib.import_module(f"aimcjax.{package}")
    doc = inspect.cleandoc(module.__doc__ or "")
    assert len(doc.splitlines()) <= 60, "a map is one screen"
    if hasattr(module, "__path__"):
        missing = [name for name in _public(package) if not re.search(rf"\b{name}\b", doc)]
        assert bool(missing) == (package in NAMES_NOT_MAPPED), missing or "mapped by now: take it from the list"


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_name_their_parameters(package: str) -> None:
    assert not [f"{name}({given})" for name, f in _functions(package).items() for given in _unnamed(f)]


def _unnamed(function: Any) -> list[str]:
    """Parameters that a docstring leaves out, unless it refers to another's."""
    doc = inspect.getdoc(function) or ""
    if re.search(r"([Aa]s( of)?|[Ss]ee|[Rr]uns) `[\w.]+`|rguments.* as ", doc):
        return []
    code = " ".join(re.findall(r"`[^`]*`|\$[^$]*\$", doc))
    given = inspect.signature(function).parameters.values()
    return [
        one.name
        for one in given
        if not re.search(rf"(?<![A-Za-z0-9]){one.name}(?![A-Za-z0-9])", code)
        and not one.name.startswith("_")
        and one.name not in VOCABULARY
        and not _is_its_type(one)
        and not _has_help(one)
    ]


def _has_help(parameter: inspect.Parameter) -> bool:
    """Whether it is an option of the command line, which `--help` shows beside the docstring with words of its own."""
    return any(getattr(found, "help", None) for found in getattr(parameter.annotation, "__metadata__", ()))


def _is_its_type(parameter: inspect.Parameter) -> bool:
    """Whether a parameter is called what its type is: `placement: Placement`, `cells: AbstractCells`."""
    words = re.findall(r"[A-Z]\w+", getattr(parameter.annotation, "__name__", "") + " " + str(parameter.annotation))
    snake = [re.sub(r"(?<!^)(?=[A-Z])", "_", word).lower() for word in words]
    return any(f"_{word}".endswith((f"_{parameter.name}", f"_{parameter.name.removesuffix('s')}")) for word in snake)


@pytest.mark.parametrize("package", PACKAGES)
def test_arrays_have_shapes(package: str) -> None:
    methods = {f"{name}.{own}": f for name, found in _classes(package).items() for own, f in _methods(found).items()}
    hints = {name: typing.get_type_hints(f) for name, f in {**_functions(package), **methods}.items()}
    assert not [f"{name}({given})" for name, own in hints.items() for given, hint in own.items() if _is_bare(hint)]


def _methods(found: type) -> dict[str, Any]:
    """Those that users call, of its own: of instances and of the class, and properties."""
    functions = {name: getattr(f, "__func__", getattr(f, "fget", f)) for name, f in vars(found).items()}
    return {
        name: f
        for name, f in functions.items()
        if inspect.isfunction(f) and f.__module__.startswith("aimcjax") and (name == "__call__" or name[0] != "_")
    }


def _is_bare(annotation: Any) -> bool:
    """Whether an annotation has an array of no stated shape in it, but for what functions take that are handed over."""
    if typing.get_origin(annotation) is Callable:
        return False
    parts = (annotation.leaftype,) if hasattr(annotation, "leaftype") else typing.get_args(annotation)  # of a PyTree
    return annotation in (jax.Array, np.ndarray) or any(map(_is_bare, parts))


@pytest.mark.parametrize("package", PACKAGES)
def test_quantities_have_units_and_sources(package: str) -> None:
    for name, found in _classes(package).items():
        if not dataclasses.is_dataclass(found):
            continue
        for field in dataclasses.fields(found):
            if "unit" not in field.metadata:
                continue
            assert field.metadata["unit"], f"{name}.{field.name} has no unit"
            given = field.default is not dataclasses.MISSING and name not in DEFINITIONS
            sourced = not given or field.metadata["doc"] or _cites(found)
            assert sourced, f"{name}.{field.name} has a number from nowhere: give a source, or say that it is assumed"


@pytest.mark.parametrize("package", [name for name in PACKAGES if name.split(".")[0] in OF_THE_PHYSICS])
def test_equations_have_references(package: str) -> None:
    equations = {name: found for name, found in _classes(package).items() if "$" in _own_docstring(found)}
    missing = [name for name, found in equations.items() if not _cites(found) and name not in DEFINITIONS]
    assert not missing


def _cites(found: type) -> bool:
    """Whether a class names a paper, another class that does, or says that something is assumed, itself or at one of
    its numbers."""
    fields = dataclasses.fields(found) if dataclasses.is_dataclass(found) else ()
    words = " ".join([_own_docstring(found), *(field.metadata.get("doc", "") for field in fields)])
    return bool(re.search(r"\*\*Reference|et al\.|\((19|20)\d\d\)|assume|\bas\s(in\s)?`[A-Z]", words))


def test_exemptions_are_of_what_there_is() -> None:
    assert set(NAMES_NOT_MAPPED) <= set(PACKAGES)
    assert {name for package in PACKAGES for name in _classes(package)} >= DEFINITIONS
