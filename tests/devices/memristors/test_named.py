"""Every published parameter set of every memristor has one name."""

import inspect
import re
from typing import Any

import equinox as eqx
import pytest

from aimcjax.devices import memristors


MODELS: list[Any] = [cls for _, cls in inspect.getmembers(memristors, inspect.isclass) if hasattr(cls, "preset")]


@pytest.mark.parametrize("cls", MODELS, ids=lambda cls: cls.__name__)
def test_names_are_those_that_the_class_knows(cls: Any) -> None:
    with pytest.raises(ValueError, match="known: ") as caught:
        cls.preset("?")
    known = str(caught.value).partition("known: ")[2].split(", ")
    module = cls.__module__.rpartition("._")[2]
    assert [n for n in memristors.preset_names() if n.startswith(f"{module}_")] == [f"{module}_{n}" for n in known]
    for name in known:
        assert eqx.tree_equal(memristors.preset(f"{module}_{name}"), cls.preset(name))


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match=r"unknown preset 'vteam' of AbstractMemristor; known: chua_.*vteam_technion"):
        memristors.preset("vteam")
    assert all(re.fullmatch(r"[a-z]\w*", name) for name in memristors.preset_names())
