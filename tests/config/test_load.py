"""Configs: what is read, what is written back, and one line for everything else."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings, strategies as st

from aimcjax import chips
from aimcjax.config import Config, ConfigError, load_config, load_study


CONFIGS = Path(__file__).parents[2] / "configs"
Load = Callable[..., Config]


def _tree() -> dict[str, Any]:
    return {
        "name": "tiny",
        "model": {"type": "mlp", "widths": [20, 10]},
        "digital_training": {"epochs": 2, "learning_rate": 5.0e-3},
        "hwa_training": {"epochs": 1, "ages": ["20 s", "1 h"]},
        "tile": {
            "type": "tile",
            "rows": 24,
            "device": {"type": "pcm_joshi2020", "g_max": "30 uS", "programming": [0.01, 0.08], "nu_mean": 0.05},
            "adc": {"type": "uniform_adc", "bits": 6},
        },
        "sweep": {"n_chips": 2, "times": ["20 s", "1 day"]},
        "chip": {"design": {"core": {"cols_per_adc": {"value": 4, "source": "assumed"}}}},
    }


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def write_and_load(content: Any, *overrides: str) -> Config:
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
        return load_config(tmp_path / "config.yaml", overrides)

    return write_and_load


def _refusal(load: Load, content: Any, *overrides: str) -> str:
    with pytest.raises(ConfigError) as error:
        load(content, *overrides)
    message = str(error.value)
    assert "\n" not in message
    assert 10 < len(message) < 500
    return message


def test_values_reach_the_objects(load: Load) -> None:
    config: Any = load(_tree())
    assert config.name == "tiny"
    assert config.model.widths == (20, 10)
    assert config.digital_training.schedule().learning_rate == 5e-3
    assert config.hwa_training.ages == (20.0, 3600.0)
    assert config.sweep.times == (20.0, 86400.0)
    assert (config.tile.rows, config.tile.cols) == (24, 256)
    assert float(config.tile.device.g_max) == pytest.approx(30e-6, rel=1e-6)
    assert float(config.tile.adc.bits) == 6.0
    assert [float(c) for c in config.tile.device.programming.coefficients] == pytest.approx([0.01, 0.08])
    assert float(config.tile.device.nu_mean.value) == pytest.approx(0.05)
    assert float(config.chip.design.core.cols_per_adc) == 4.0
    assert float(config.chip.design.digital.energy_per_mac) == pytest.approx(1.5e-12, rel=1e-6)
    assert config.chip.max_tiles is None


def test_the_chip_is_a_default_one_or_a_published_one(load: Load) -> None:
    tree = _tree()
    del tree["chip"]
    given, default = (chips.describe_chip(chip) for chip in (load(tree).chip.design, chips.Chip()))
    assert given == default
    published = load(tree, "chip.design={type: hermes_2023, core: {phases: 4}}").chip.design
    assert (published.grid, float(published.core.phases)) == ((8, 8), 4.0)
    assert load(tree, "chip.design=hermes_2023").chip.design.source.startswith("Le Gallo")


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_configs_resolve_and_come_back(path: Path, tmp_path: Path) -> None:
    resolved = load_study(path)
    (tmp_path / "again.yaml").write_text(resolved.to_yaml(), encoding="utf-8")
    again = load_study(tmp_path / "again.yaml")
    assert again.to_yaml() == resolved.to_yaml()
    assert again.model_dump(mode="json") == resolved.model_dump(mode="json")


def test_resolved_config_is_complete(load: Load) -> None:
    tree = yaml.safe_load(load(_tree()).to_yaml())
    assert tree["tile"]["device"]["g_max"] == "30 uS"
    assert tree["tile"]["dac"]["v_max"] == "200 mV"
    assert tree["sweep"]["times"] == ["20 s", "1 day"]
    assert tree["calibration"]["quantile"] == 0.999
    assert tree["chip"]["design"]["core"]["cols_per_adc"] == {"value": 4, "source": "assumed"}
    assert tree["chip"]["design"]["digital"]["energy_per_mac"] == "1.5 pJ"
    assert set(tree) == set(Config.model_fields)


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("tile.device.g_max=40 uS", lambda c: float(c.tile.device.g_max) / 40e-6),
        ("tile.rows=32", lambda c: c.tile.rows / 32),
        ("model.widths.1=7", lambda c: c.model.widths[1] / 7),
        ("model.widths=[3]", lambda c: c.model.widths[0] / 3),
        ("digital_training.learning_rate=3e-3", lambda c: c.digital_training.learning_rate / 3e-3),
        ("chip.max_tiles=9", lambda c: c.chip.max_tiles / 9),
        ("chip.design.core.t_read={value: 2 ns, source: measured}", lambda c: float(c.chip.design.core.t_read) / 2e-9),
    ],
)
def test_overrides_change_one_value(load: Load, override: str, read: Callable[[Any], float]) -> None:
    assert read(load(_tree(), override)) == pytest.approx(1.0, rel=1e-6)
    untouched = load(_tree()).model_dump(mode="json")
    changed = load(_tree(), override).model_dump(mode="json")
    assert sum(untouched[key] != changed[key] for key in untouched) == 1


def test_later_overrides_win(load: Load) -> None:
    assert load(_tree(), "seed=1", "seed=2").seed == 2


BAD_VALUES = {
    # override: what the line says
    "titel=x": ["titel", "did you mean 'tile'?"],
    "vit=1": ["vit", "unknown key"],
    "sweep.n_chip=3": ["sweep.n_chip", "did you mean 'n_chips'?"],
    "model.width=3": ["model.width", "did you mean 'widths'?"],
    "chip.desing=hermes_2023": ["chip.desing"],
    "chip.design.core.t_raed=3 ns": ["chip.design"],
    "tile.device.gmax=1 uS": ["tile: device:", "no parameter 'gmax'", "did you mean 'g_max'?"],
    "tile.device.g_max=25 uV": ["g_max", "a quantity in S", "'25 uV'"],
    "tile.device.g_max=25": ["g_max", "needs its unit", "25"],
    "tile.device.g_max=-25 uS": ["g_max", "above 0", "-25 uS"],
    "tile.device.g_max=0": ["g_max", "above 0"],
    "tile.device.g_min=26 mS": ["g_min must be below g_max", "26 mS", "30 uS"],
    "tile.device.g_max=1e60 S": ["g_max", "single precision", "1e60 S"],
    "tile.device.g_max=1e-60 S": ["g_max", "single precision"],
    "tile.device.g_max=1e999999999999999999999 S": ["g_max", "finite"],
    "tile.device.g_max=[25 uS]": ["g_max", "a quantity in S"],
    "tile.device.t_read=-1 ns": ["t_read", "-1 ns"],
    "tile.device.programming=[0.1, abc]": ["programming", "a plain number", "'abc'"],
    "tile.device.programming=[]": ["programming", "a list of numbers"],
    "tile.device.programming=true": ["programming", "True"],
    "tile.device.programming={type: polynomial, coefficients: 5}": ["coefficients", "a list of numbers", "5"],
    "tile.device.programming={type: polynomial}": ["polynomial needs a value for coefficients"],
    "tile.device.nu_mean={type: clipped_log, slope: 1}": ["clipped_log needs a value for offset, low, high"],
    "tile.device={type: pcmm}": ["tile: device:", "a device", "'pcmm'", "did you mean 'pcm'?"],
    "tile.device={type: [pcm]}": ["device", "['pcm']"],
    "tile.device={g_max: 25 uS}": ["device", "{type: name, ...}"],
    "tile.device=5": ["device", "{type: name, ...}", "5"],
    "tile.adc=pcm": ["tile: adc:", "'pcm' is a device", "the place of an ADC"],
    "tile.adc={type: uniform_dac}": ["'uniform_dac' is a DAC", "the place of an ADC"],
    "tile.adc.bits=-8": ["adc: bits", "above 1 and at most 32", "-8"],
    "tile.adc.bits=1": ["adc: bits", "above 1"],
    "tile.adc.bits=64": ["adc: bits", "at most 32"],
    "tile.adc.bits=true": ["adc: bits", "True"],
    "tile.adc.bits=.nan": ["adc: bits", "finite"],
    "tile.adc.bits=.inf": ["adc: bits", "finite"],
    "tile.adc.noise=-1 uA": ["adc: noise", "zero or more"],
    "tile.rows=0": ["tile: rows", "from 1", "0"],
    "tile.rows=-4": ["tile: rows", "-4"],
    "tile.rows=2.5": ["tile: rows", "whole number", "2.5"],
    "tile.rows=true": ["tile: rows", "True"],
    "tile.rows=1000000000000": ["tile: rows", "1000000000000"],
    "tile=uniform_adc": ["tile", "'uniform_adc' is an ADC", "the place of a tile"],
    "tile=null": ["tile", "None"],
    "sweep.n_chips=0": ["sweep.n_chips", "0"],
    "sweep.n_chips=true": ["sweep.n_chips", "True"],
    "sweep.n_chips='3'": ["sweep.n_chips", "'3'"],
    "sweep.n_chips=2.5": ["sweep.n_chips", "2.5"],
    "sweep.times=[1 day, 20 s]": ["sweep.times", "ascending", "1 day, 20 s"],
    "sweep.times=[20 s, 20 s]": ["sweep.times", "ascending"],
    "sweep.times=[-1 s]": ["sweep.times", "zero or more", "-1 s"],
    "sweep.times=[1e400 s]": ["sweep.times", "finite"],
    "sweep.times=[1]": ["sweep.times", "needs its unit"],
    "sweep.times=[]": ["sweep.times"],
    "hwa_training.ages=[0 s, 1 h]": ["hwa_training.ages"],
    "hwa_training.ages=[1 h]": ["hwa_training.ages"],
    "hwa_training.clip_sigma=0": ["hwa_training.clip_sigma", "0"],
    "digital_training.learning_rate=.nan": ["learning_rate", "finite"],
    "digital_training.learning_rate=-0.1": ["learning_rate", "-0.1"],
    "digital_training.learning_rate=true": ["learning_rate", "True"],
    "digital_training.epochs=1e9": ["digital_training.epochs", "1e9"],
    f"digital_training.epochs={10**30}": ["digital_training.epochs", str(10**20)],
    "calibration.quantile=0": ["calibration.quantile", "0"],
    "model.widths=[8, -1]": ["model.widths", "-1"],
    "model.type=vitt": ["model.type", "'vitt'; did you mean 'vit'?", "mlp"],
    "model={widths: [3]}": ["model", "type"],
    "data.type=mnist": ["data.type", "digits", "mnist"],
    "seed=-1": ["seed", "-1"],
    "seed=true": ["seed", "True"],
    f"seed={2**32}": ["seed", str(2**32)],
    "name=../up": ["name", "'../up'"],
    "name=": ["name"],
    "chip.max_tiles=0": ["chip.max_tiles", "0"],
    "chip.digital_layers=head": ["chip.digital_layers", "'head'"],
    "chip.design.core.t_read={value: -1 ns, source: assumed}": ["chip.design", "core: t_read", "zero or more"],
    "chip.design.core.cols_per_adc=0": ["chip.design", "cols_per_adc", "above 0"],
    "chip.design.core.t_read={value: 1 ns}": ["chip.design", "core/t_read", "source"],
    "chip.design.core.t_read=1 GHz": ["chip.design", "1 GHz"],
    "chip.design={a: {b: {c: [1, {d: null}]}}}": ["chip.design", "no parameter 'a'"],
    "chip.design=hermes_2024": ["chip.design", "did you mean 'hermes_2023'?"],
    "chip.strategy=balancd": ["chip.strategy", "did you mean 'balanced'?"],
    "chip.replicas={head: 0}": ["chip.replicas.head", "0"],
    "sweep={1: 2}": ["sweep"],
    "digital_training=[[1, {a: b}]]": ["digital_training", "[[1, {'a': 'b'}]]"],
}


@pytest.mark.parametrize("override", BAD_VALUES, ids=lambda text: text[:60])
def test_bad_values_get_one_line_with_what_and_where(load: Load, override: str) -> None:
    message = _refusal(load, _tree(), override)
    for fragment in BAD_VALUES[override]:
        assert fragment in message


BAD_OVERRIDES = {
    "nonsense": ["key.path=value", "'nonsense'"],
    "=3": ["key.path=value"],
    "": ["key.path=value"],
    "seed": ["key.path=value"],
    "seed=[1": ["not readable YAML"],
    "seed=2020-13-45": ["not readable YAML"],
    f"seed={'[' * 5000}": ["nested too deeply"],
    "seed.deeper=1": [""],
    "name.deeper=1": ["name is the value 'tiny', not a section"],
    "sweep.times.2=1 s": ["'2'", "a list of 2", "count from 0"],
    "sweep.times.-1=1 s": ["'-1'", "a list of 2"],
    "sweep.times.x=1 s": ["'x'"],
    "sweep.times.²=1 s": ["'²'"],
    "model.widths.0.deeper=1": ["model.widths.0 is the value 20"],
    "a..b=1": ["a", "unknown key"],
    ".=1": ["unknown key"],
}


@pytest.mark.parametrize("override", BAD_OVERRIDES, ids=lambda text: text[:40])
def test_bad_overrides_get_one_line(load: Load, override: str) -> None:
    message = _refusal(load, _tree(), override)
    for fragment in BAD_OVERRIDES[override]:
        assert fragment in message


def test_a_missing_section_is_named(load: Load) -> None:
    for name in ("model", "tile", "digital_training", "hwa_training"):
        tree = _tree()
        del tree[name]
        assert _refusal(load, tree).startswith(f"{name}: this key is required")


def test_several_mistakes_are_counted(load: Load) -> None:
    assert "(and 1 more)" in _refusal(load, _tree(), "seed=-1", "sweep.n_chips=0")


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("model: [1, 2", "not readable YAML"),
        ("model: {type: mlp\ntile: }", "not readable YAML"),
        ("a: *unknown", "not readable YAML"),
        ("!!python/object:os.system {}", "not readable YAML"),
        ("model: 2020-13-45", "not readable YAML"),
        ("\ttabs: here", "not readable YAML"),
        ("- a\n- b\n", "must hold a mapping"),
        ("just words", "must hold a mapping"),
        ("5", "must hold a mapping"),
        ("? [a, b]\n: c\n", "not readable YAML"),
        ("[" * 5000, "nested too deeply"),
    ],
    ids=lambda text: repr(text[:25]),
)
def test_unreadable_text_gets_one_line(load: Load, content: str, fragment: str) -> None:
    assert fragment in _refusal(load, content)


@pytest.mark.parametrize("key", ["a\nb", "x" * 5000, "\x1b[31m", 1, None, True, 2.5], ids=lambda key: repr(key)[:10])
def test_odd_keys_get_one_line(load: Load, key: Any) -> None:
    for tree in ({**_tree(), key: 1}, {**_tree(), "sweep": {key: 1}}, {**_tree(), "tile": {"type": "tile", key: 1}}):
        message = _refusal(load, tree)
        assert repr(key)[1:9] in message or str(key) in message
        assert "\x1b" not in message


def test_unreadable_files_get_one_line(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    (tmp_path / "null.yaml").write_bytes(b"name: a\0b\n")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    for path, fragment in {
        tmp_path / "nothing.yaml": "no config file",
        tmp_path: "is a directory",
        tmp_path / "binary.yaml": "not a text file",
        tmp_path / "null.yaml": "not readable YAML",
        tmp_path / "loop.yaml": "cannot read",
        tmp_path / ("x" * 300): "cannot read",
        tmp_path / "null.yaml" / "child": "cannot read",
    }.items():
        with pytest.raises(ConfigError, match=fragment) as error:
            load_config(path)
        assert "\n" not in str(error.value)


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


def _paths(node: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*prefix, key)
        yield from _paths(value, (*prefix, key))


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    tree = yaml.safe_load(RESOLVED) if draw(st.booleans()) else _tree()
    for _ in range(draw(st.integers(1, 2))):
        *parents, last = draw(st.sampled_from(sorted(_paths(tree), key=str)))
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


RESOLVED = load_config(CONFIGS / "quickstart.yaml").to_yaml()


QUICK = settings(max_examples=60, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))


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
