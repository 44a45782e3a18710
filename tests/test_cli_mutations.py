"""Whatever a config says: it is checked, or refused on one line; no traceback, and nothing half-written is left."""

import contextlib
import copy
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import tree_paths
import yaml
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from aimcjax import cli


CONFIGS = Path(__file__).parents[1] / "configs"
NAMES = ("mlp_digits", "sweep_digits", "quickstart", "service_digits", "economics", "prezioso", "insitu_toy",
         "codesign_digits")  # fmt: skip
MAIN = NAMES[:3]
TREES = [yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")) for name in NAMES]
DEEP: Any = "end"
for _ in range(60):
    DEEP = {"deeper": [DEEP]}
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 40)
    | st.floats()
    | st.text(st.characters(codec="utf-8"), max_size=6)
    | st.sampled_from(
        [10**9, 10**400, 1e308, "1e400 V", "25 uS", "-1 s", "nan S", "inf", "0", "5 bananas", "pcm", "uniform_adc",
         "mlp", "../x", "/", "\0", "a" * 5000, "20 s", [], {}, [[]], {"type": "pcm"}, {"type": None}, {"type": ["pcm"]},
         DEEP, {"value": 1}, {"linspace": [0, 1, 10**7]}, {"linspace": [0, 1, 3]}, {"random": 10**6}, {".*": 3}, ["("]]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
TEXTS = st.sampled_from(
    [b"", b"\xff\xfe\x00", b"a: &x [*x]\n", b"a: &a {b: *a}\n", b"!!python/object/apply:os.system ['true']\n",
     b"tile: !!binary aGVsbG8=\n", b"model: !!set {a, b}\n", b"tile: 2020-01-01\n", b"seed: .nan\n", b"seed: 0o17\n",
     b"<<: {a: 1}\n", b"<<: 5\n", b"? {a: 1}\n: 2\n", b"%YAML 9.9\n---\na: 1\n", b"--- 1\n--- 2\n", b"[" * 3000,
     b"{a: " * 800, b"a: 1\na: 2\n", b"model: {type: mlp, <<: [1]}\n", b"x: 1:2:3:4:5:6\n", b"x: 1_000\n"]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, trees: Sequence[Any] = TREES) -> bytes:
    tree = yaml.safe_load(yaml.safe_dump(draw(st.sampled_from(trees))))
    for _ in range(draw(st.integers(1, 2))):
        *parents, last = draw(st.sampled_from(sorted(tree_paths.paths(tree), key=str) or [("model",)]))
        node: Any = tree
        for part in parents:
            node = node[part]
        action = draw(st.sampled_from(["replace", "replace", "delete", "add", "move"]))
        if action == "delete":
            del node[last]
        elif action == "add" and isinstance(node, dict):
            node[draw(st.text(max_size=5))] = copy.deepcopy(draw(JUNK))
        elif action == "move" and isinstance(node, dict):
            tree[last] = node.pop(last)
        else:
            node[last] = copy.deepcopy(draw(JUNK))
    return yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass")


def _main(*arguments: str) -> tuple[int, str, str]:
    """The entry point in this process: exit code, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["aimcjax", *arguments]),
        mock.patch("signal.signal"),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as end:
            return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def _check_answer(code: int, out: str, err: str, content: bytes) -> None:
    assert code in (0, 2), content
    if code:
        assert out == "", content
        lines = [line for line in err.splitlines() if not line.startswith("aimcjax: note: ")]  # of a right config
        assert len(lines) == 1, content
        assert lines[0].startswith("aimcjax: "), content
        assert len(lines[0]) < 1000, content
        assert "Traceback" not in err, content


QUICK = settings(
    max_examples=300, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate), database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


@QUICK
@given(content=st.one_of(mutated(), mutated(), mutated(), TEXTS, st.binary(max_size=40)))
def test_300_mutated_configs(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "mutated"
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_bytes(content)
    with contextlib.chdir(folder):
        code, out, err = _main("check", "config.yaml", "--fast", "--json")
    _check_answer(code, out, err, content)
    assert out.startswith("{") == (code == 0), content
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]


@settings(QUICK, max_examples=40)
@given(content=mutated(TREES[: len(MAIN)]))
def test_mutated_runs_leave_nothing(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "mutated_runs"
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_bytes(content)
    diverges = mock.patch("aimcjax.studies._networks.Kept.network", side_effect=FloatingPointError("it diverges"))
    with contextlib.chdir(folder), diverges:
        answer = _main("run", "config.yaml", "--quiet", "--out", "deep/run")
    _check_answer(*answer, content)
    assert answer[0] == 2
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]
