"""The command line itself: help that teaches, one line for every mistake, nothing left behind."""

import os
import signal
import subprocess
import sysconfig
import time
from pathlib import Path

import jax
import one_line
import pytest
from typer.testing import CliRunner, Result

from aimcjax import cli, studies, training
from aimcjax.config import load_config
from aimcjax.studies._networks import _roads


CONFIGS = Path(__file__).parents[1] / "configs"
CONFIG = str(CONFIGS / "mlp_digits.yaml")
SMALL = ("model.widths=[4]", "digital_training.epochs=1", "digital_training.settle=0", "hwa_training.epochs=1")
COMMAND = Path(sysconfig.get_path("scripts")) / "aimcjax"

pytestmark = pytest.mark.usefixtures("elsewhere")


def _run(*arguments: str) -> Result:
    with jax.numpy_dtype_promotion("standard"):  # optax is not written for strict promotion
        return CliRunner().invoke(cli.app, ["run", *arguments])


def test_help_teaches_by_example() -> None:
    for arguments in (["--help"], ["run", "--help"]):
        result = CliRunner().invoke(cli.app, arguments)
        assert result.exit_code == 0
        assert "aimcjax run configs/quickstart.yaml" in " ".join(result.stdout.split())
    assert "--overwrite" in result.stdout
    assert "g_max" in result.stdout


def test_print_shows_a_config_that_loads_and_writes_nothing(elsewhere: Path) -> None:
    result = _run(CONFIG, "tile.rows=33", "--print")
    assert (result.exit_code, result.stderr) == (0, "")
    assert list(elsewhere.iterdir()) == []
    (elsewhere / "config.yaml").write_text(result.stdout)
    assert load_config(elsewhere / "config.yaml").to_yaml() == result.stdout
    assert "rows: 33" in result.stdout


MISTAKES = {
    "unknown key": (["swep.n_chips=3"], ["swep", "did you mean 'sweep'"]),
    "unknown parameter": (["tile.device.gmax=3 uS"], ["gmax", "did you mean 'g_max'?"]),
    "wrong unit": (["tile.device.g_max=25 uV"], ["'25 uV'", "a quantity in S", "for example '25 uS'"]),
    "missing unit": (["tile.adc.i_max=50"], ["50", "needs its unit", "for example '50 uA'"]),
    "wrong type": (["sweep.n_chips=many"], ["sweep.n_chips", "'many'", "integer"]),
    "negative size": (["tile.rows=-4"], ["rows", "-4", "whole number from 1"]),
    "zero chips": (["sweep.n_chips=0"], ["sweep.n_chips", "0", "greater than or equal to 2"]),
    "unknown device": (["tile.device={type: pmc}"], ["'pmc'", "did you mean 'pcm'?", "known:"]),
    "device for ADC": (["tile.adc={type: pcm}"], ["'pcm' is a device", "the place of an ADC", "uniform_adc"]),
    "not a number": (["tile.device.g_max=nan S"], ["'nan S'"]),
    "infinite": (["hwa_training.clip_sigma=.inf"], ["clip_sigma", "finite"]),
    "too large": (["tile.device.g_max=1e300 S"], ["'1e300 S'", "single precision"]),
    "huge size": ([f"tile.cols={10**40}"], ["cols", "from 1 to 1000000"]),
    "boolean for a number": (["tile.adc.bits=true"], ["bits", "True"]),
    "garbage": (["tile=[{a: [1, {b: null}]}]"], ["tile", "{type: name, ...}"]),
    "malformed override": (["nonsense"], ["'nonsense'", "key.path=value"]),
    "unreadable override": (["seed=[1"], ["'seed=[1'", "not readable YAML"]),
    "index out of range": (["sweep.times.99=1 s"], ["'99'", "no position in a list of 6", "count from 0"]),
    "chip too small": (["chip.max_tiles=2"], ["has 2 tiles", "layer layers/", "larger tiles"]),
    "heads": (["model={type: vit, dim: 10, n_heads: 3}"], ["width 10", "multiple", "3"]),
    "patches": (["model={type: vit, patch_size: 3}"], ["8 pixels", "patches of 3"]),
    "pattern": (["chip.digital_layers=['(']"], ["'('", "not a regular expression"]),
    "layer that is not there": (["chip.digital_layers=[nope]"], ["'nope'", "layers/0"]),
    "cost of an ideal ADC": (["tile.adc={type: ideal_adc}"], ["ideal ADC has no energy", "give it a resolution"]),
    "batch": (["digital_training.batch_size=5000"], ["digital_training", "5000", "1437"]),
    "batch of the second training": (["hwa_training.batch_size=5000"], ["hwa_training", "5000", "1437"]),
    "ages out of order": (["hwa_training.ages=[1 year, 20 s]"], ["hwa_training.ages"]),
    "slow reads": (["tile.device={type: pcm, t_read: 1 h}"], ["t_read must be below t_0", "got 1 h and 20 s"]),
    "one mistake, two checks": (["sweep.times=[-1 s]"], ["sweep.times", "'-1 s'"]),
    "a number for a section": (["calibration=100"], ["expected a section", "100"]),
    "no times": (["sweep.times=[]"], ["at least one"]),
    "out of memory": (["model.widths=[1000000, 1000000]"], ["out of memory", "smaller model"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_one_line_and_leaves_nothing(name: str, elsewhere: Path) -> None:
    overrides, fragments = MISTAKES[name]
    line = one_line.refusal(_run(CONFIG, *overrides, "--quiet", "--out", "deep/run"))
    for fragment in fragments:
        assert fragment in line
    assert "more)" not in line
    assert list(elsewhere.iterdir()) == []


FILES = {
    "missing": (None, "no config file"),
    "unreadable": (b"model: [", "not readable YAML"),
    "tabs": (b"model:\n\ttype: mlp", "not readable YAML"),
    "binary": (bytes(range(256)), "not a text file"),
    "twice": (b"seed: 0\nname: x\nseed: 3\n", "the key 'seed' is there twice"),
    "empty": (b"", "is empty"),
    "list": (b"- 1\n- 2\n", "must hold a mapping"),
    "words": (b"hello", "must hold a mapping"),
    "deep": (b"[" * 5000, "nested too deeply"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_gets_one_line(name: str, elsewhere: Path) -> None:
    content, fragment = FILES[name]
    if content is not None:
        (elsewhere / "bad.yaml").write_bytes(content)
    line = one_line.refusal(_run("bad.yaml", "--print"))
    assert fragment in line
    assert "bad.yaml" in line


def test_a_directory_is_no_config(elsewhere: Path) -> None:
    assert "is a directory; give a YAML file" in one_line.refusal(_run(str(elsewhere)))


def test_a_target_in_the_way_gets_one_line_before_any_work(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies, "run", lambda *_, **__: pytest.fail("work was done"))
    (elsewhere / "notes").mkdir()
    (elsewhere / "notes" / "thesis.tex").write_text("years of work")
    assert "notes exists already; choose another --out, or replace it with --overwrite" in one_line.refusal(
        _run(CONFIG, "--out", "notes")
    )
    assert "is not a finished run" in one_line.refusal(_run(CONFIG, "--out", "notes", "--overwrite"))
    assert "is not a finished run" in one_line.refusal(_run(CONFIG, "--out", ".", "--overwrite"))
    assert "cannot write to" in one_line.refusal(_run(CONFIG, "--out", "notes/thesis.tex/run"))
    assert "cannot write a run to" in one_line.refusal(_run(CONFIG, "--out", "x" * 300))
    assert "name" in one_line.refusal(_run(CONFIG, "name=../../elsewhere"))
    assert {path.name for path in elsewhere.rglob("*")} == {"notes", "thesis.tex"}
    assert (elsewhere / "notes" / "thesis.tex").read_text() == "years of work"


def test_a_target_that_turns_out_unwritable_gets_one_line() -> None:
    assert "cannot write the run to /proc/run" in one_line.refusal(_run(CONFIG, "--out", "/proc/run"))


def test_default_target_is_named_after_the_config(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(studies, "run", lambda config, out, **_: asked.append(out))
    assert _run(CONFIG, "name=six_bits", "--quiet").exit_code == 0
    assert asked == [Path("runs/six_bits")]


def test_divergence_names_the_training_and_leaves_nothing(elsewhere: Path) -> None:
    rate = "digital_training.learning_rate=1e30"
    line = one_line.refusal(_run(CONFIG, *SMALL, rate, "--quiet"))
    assert "digital_training: " in line
    assert "1e+30" in line
    assert list(elsewhere.iterdir()) == []
    loud = _run(CONFIG, *SMALL, rate)  # after the bars of what it did until then
    assert loud.exit_code == 2
    assert loud.stderr.splitlines()[-1] == line
    assert "Traceback" not in loud.stderr


def test_weights_that_end_as_nan_are_refused(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss sees the weights of the step before: what the last step did shows only in the weights."""
    spoilt = lambda model, *_, **__: (jax.tree.map(lambda w: w * float("nan"), model), [0.1])
    monkeypatch.setattr(training, "fit", spoilt)
    line = one_line.refusal(_run(CONFIG, *SMALL, "--quiet"))
    assert "digital_training: the last step left weights that are not finite" in line
    assert list(elsewhere.iterdir()) == []


def test_failures_of_the_second_training_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(model: object, *_: object, forward: object, **__: object) -> tuple[object, list[float]]:
        if forward is training.digital_forward:
            return model, [0.1]
        raise FloatingPointError("diverged")

    monkeypatch.setattr(training, "fit", fit)
    monkeypatch.setattr(_roads, "digital_score", lambda *_: 0.1)
    assert one_line.refusal(_run(CONFIG, *SMALL, "--quiet")) == "aimcjax: hwa_training: diverged"


def _command(*arguments: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [COMMAND, *arguments], stdout=pipe, stderr=pipe, text=True, env={**os.environ, "COLUMNS": "80"}
    )


def test_the_installed_command_refuses_with_one_line() -> None:
    usage = {
        ("run", CONFIG, "tile.rows=-4"): "rows",
        ("run", CONFIG, "--ouy", "x"): "--ouy",
        ("run",): "CONFIG",
        ("walk",): "walk",
    }
    processes = {arguments: _command(*arguments) for arguments in usage}
    for arguments, process in processes.items():
        stdout, stderr = process.communicate(timeout=180)
        assert (process.returncode, stdout) == (2, "")
        assert usage[arguments] in one_line.only_line(stderr)


def test_a_run_that_is_stopped_leaves_nothing(elsewhere: Path) -> None:
    process = _command("run", CONFIG, "--out", "runs/stopped", "--quiet")
    for _ in range(600):
        if list(elsewhere.glob("runs/*.partial")):
            break
        time.sleep(0.1)
    assert list(elsewhere.glob("runs/stopped.partial"))
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=180)
    assert (process.returncode, stdout, stderr) == (143, "", "")
    assert list(elsewhere.iterdir()) == []


def test_extrapolation_is_noted_and_measured_ranges_are_not(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies, "run", lambda *_, **__: None)
    assert _run(CONFIG, "--quiet").stderr == ""
    result = _run(CONFIG, "tile.device=rram_wan2022", "--quiet")
    assert result.exit_code == 0
    assert result.stderr.startswith(
        "aimcjax: note: t = 1 week is outside of 1 s to 2 days, the valid range of oxide RRAM"
    )


def test_a_preset_file_is_a_device(elsewhere: Path) -> None:
    (elsewhere / "mine.yaml").write_text("device: {type: pcm, g_max: 20 uS}\nsource: me\n")
    assert "g_max: 20 uS" in _run(CONFIG, "tile.device=mine.yaml", "--print").stdout
    assert "no preset file other.yaml" in one_line.refusal(_run(CONFIG, "tile.device=other.yaml", "--print"))
