"""Whatever a config holds: it loads and comes back, or is refused on one line."""

import math
from typing import Any

import pytest
import tree_paths
import yaml
from hypothesis import Phase, given, settings, strategies as st
from tiny_config import CONFIGS, tiny

from aimcjax.config import ConfigError, load_config


RESOLVED = load_config(CONFIGS / "quickstart.yaml").to_yaml()
QUICK = settings(max_examples=60, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec="utf-8"), max_size=8)
    | st.sampled_from(["25 uS", "-1 s", "pcm", "uniform_adc", "1e400 V", 10**400, [], {}, {"type": "pcm"}]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    tree = yaml.safe_load(RESOLVED) if draw(st.booleans()) else tiny()
    for _ in range(draw(st.integers(1, 2))):
        *parents, last = draw(st.sampled_from(sorted(tree_paths.paths(tree), key=str)))
        node: Any = tree
        for part in parents:
            node = node[part]
        action = draw(st.sampled_from(["replace", "delete", "add"]))
        if action == "delete":
            del node[last]
        elif action == "add" and isinstance(node, dict):
            node[draw(st.text(max_size=5))] = draw(JUNK)
        else:
            node[last] = draw(JUNK)
    return tree


@QUICK
@given(tree=mutated())
def test_mutated_configs_load_or_get_one_line(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.yaml"
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    try:
        config = load_config(path)
    except ConfigError as error:
        assert "\n" not in str(error)
        assert 0 < len(str(error)) < 500
    else:
        path.write_text(config.to_yaml(), encoding="utf-8")
        assert load_config(path).to_yaml() == config.to_yaml()
        assert all(math.isfinite(t) for t in config.sweep.times)


@QUICK
@given(content=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
def test_noise_is_no_config(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert "\n" not in str(error.value)


@QUICK
@given(text=st.text(max_size=30))
def test_noise_is_no_override(text: str) -> None:
    try:
        load_config(CONFIGS / "quickstart.yaml", [f"sweep.{text}"])
    except ConfigError as error:
        assert "\n" not in str(error)
