"""Policies: read from text and files, written back, and one line for what makes no sense."""

import dataclasses
import pathlib
import re
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

from aimcjax.chips import service
from aimcjax.units import day


def test_policies_are_read_and_written() -> None:
    path = pathlib.Path(__file__).parents[3] / "configs" / "policies" / "monthly.yaml"
    policy = service.load_policy(path)
    assert policy.name == "monthly"
    assert float(policy.recalibrate.every) == 30 * day
    assert float(policy.throttle.temperature) == pytest.approx(358.15)
    assert np.isinf(float(policy.refresh.every))
    again = service.load_policy(service.describe_policy(policy))
    assert eqx.tree_equal(policy, again)
    assert jax.tree.structure(dataclasses.replace(policy, name="")) == jax.tree.structure(service.Policy(name=""))


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"refresh": {"evry": "1 day"}}, "policy: refresh: no trigger or parameter 'evry'; did you mean 'every'"),
        ({"throttle": {"canary_error": 0.1}}, "throttle: no trigger or parameter 'canary_error'; known: temperature"),
        ({"refesh": {}}, "policy: unknown action 'refesh'; did you mean 'refresh'"),
        ({"refresh": {"every": "30 K"}}, "refresh: every: expected a quantity in s"),
        ({"refresh": "daily"}, "refresh: expected {trigger: threshold, ...}, got 'daily'"),
        ({"degrade": {"share": 1.5}}, "degrade: share: expected a value at most 1"),
        ({"degrade": {"canary_error": 0.1, "canary_error_hysteresis": 0.1}}, "not below its threshold 0.1"),
        ({"retry": {"canary_error": -1}}, "retry: canary_error is zero or more, got -1"),
        ([], "expected {action: {trigger: threshold, ...}}, got []"),
    ],
)
def test_policies_that_make_no_sense_are_refused(tree: Any, words: str, tmp_path: pathlib.Path) -> None:
    if not isinstance(tree, dict):
        (tmp_path / "p.yaml").write_text("[]")
        tree = tmp_path / "p.yaml"
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        service.load_policy(tree)
    assert "\n" not in str(caught.value)
