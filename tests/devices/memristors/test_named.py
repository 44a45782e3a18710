"""Every published parameter set of every memristor has one name."""

import inspect
import re
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
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


SINE = np.sin(2 * np.pi * np.linspace(0.0, 1.0, 101))


@pytest.mark.slow
@pytest.mark.parametrize("name", memristors.preset_names())
def test_single_precision_is_enough_at_any_speed(name: str) -> None:
    """Cells switch in picoseconds, waveforms last for seconds: the solver must neither fail nor step over it."""
    model = memristors.preset(name)
    for duration in (1e-6, 1e-3, 0.1):
        t = np.linspace(0.0, duration, 101)
        single = memristors.simulate(model, t, SINE, key=jax.random.key(0))
        assert bool(jnp.all(jnp.isfinite(single.i)))
        if name == "stanford_pku_noisy":  # its path depends on the precision
            continue
        with jax.enable_x64(True):
            double = memristors.simulate(memristors.preset(name), t, SINE)
            low, high = (np.asarray(bound) for bound in model.bounds())
        error = (np.asarray(single.x, np.float64) - np.asarray(double.x)) / (high - low)
        assert np.max(np.abs(error)) < 1e-3  # ten times the tolerance of the steps and a hundred steps of error
