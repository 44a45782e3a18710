"""Configs that make no sense: one line with what is wrong, and where."""

from pathlib import Path
from typing import Any

import pytest
from tiny_config import Load, refusal, tiny

from aimcjax.config import ConfigError, load_config


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
    message = refusal(load, tiny(), override)
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
    message = refusal(load, tiny(), override)
    for fragment in BAD_OVERRIDES[override]:
        assert fragment in message


def test_a_missing_section_is_named(load: Load) -> None:
    for name in ("model", "tile", "digital_training", "hwa_training"):
        tree = tiny()
        del tree[name]
        assert refusal(load, tree).startswith(f"{name}: this key is required")


def test_several_mistakes_are_counted(load: Load) -> None:
    assert "(and 1 more)" in refusal(load, tiny(), "seed=-1", "sweep.n_chips=0")


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
    assert fragment in refusal(load, content)


@pytest.mark.parametrize("key", ["a\nb", "x" * 5000, "\x1b[31m", 1, None, True, 2.5], ids=lambda key: repr(key)[:10])
def test_odd_keys_get_one_line(load: Load, key: Any) -> None:
    for tree in ({**tiny(), key: 1}, {**tiny(), "sweep": {key: 1}}, {**tiny(), "tile": {"type": "tile", key: 1}}):
        message = refusal(load, tree)
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
