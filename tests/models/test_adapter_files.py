"""Adapters in the PEFT layout: exact round trips, and one line for whatever is wrong with a folder."""

import json

import equinox as eqx
import jax.random as jr
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from aimcjax import models, nn


CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def _adapted(kind, key):
    model = nn.adapt(models.Mlp(6, 3, (5,), key=key), ["layers/0"], rank=2, alpha=3.0, kind=kind, key=key)
    model = nn.adapt(model, ["layers/1"], rank=1, alpha=5.0, kind=kind, key=key)
    factor = {"lora": lambda m: m.layers[0].b, "loha": lambda m: m.layers[0].b2}[kind]
    return eqx.tree_at(factor, model, jr.normal(key, (5, 2)))


@pytest.mark.parametrize("kind", ["lora", "loha"])
def test_round_trip(kind: str, getkey, tmp_path) -> None:
    model = _adapted(kind, getkey())
    models.save_adapters(model, tmp_path / "task")
    assert eqx.tree_equal(models.load_adapters(nn.detach(model), tmp_path / "task"), model)
    with pytest.raises(FileExistsError, match="exists already"):
        models.save_adapters(model, tmp_path / "task")


def test_names_shapes_and_scale_are_those_of_peft(getkey, tmp_path) -> None:
    model = _adapted("lora", getkey())
    models.save_adapters(model, tmp_path / "task")
    tensors = load_file(tmp_path / "task" / WEIGHTS)
    assert {name: tensor.shape for name, tensor in tensors.items()} == {
        "base_model.model.layers.0.lora_A.weight": (2, 6), "base_model.model.layers.0.lora_B.weight": (5, 2),
        "base_model.model.layers.1.lora_A.weight": (1, 5), "base_model.model.layers.1.lora_B.weight": (3, 1),
    }  # fmt: skip
    config = json.loads((tmp_path / "task" / CONFIG).read_text())
    assert (config["peft_type"], config["r"], config["lora_alpha"]) == ("LORA", 2, 3.0)
    assert (config["rank_pattern"], config["alpha_pattern"]) == ({"layers.1": 1}, {"layers.1": 5.0})
    assert config["target_modules"] == ["layers.0", "layers.1"]
    b, a = (tensors[f"base_model.model.layers.0.lora_{name}.weight"].astype(np.float64) for name in "BA")
    merged = nn.merge(model).layers[0].weight - nn.detach(model).layers[0].weight
    np.testing.assert_allclose(np.asarray(merged), 3.0 / 2 * b @ a, atol=1e-6)


def _truncate(folder) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-9])


def _with_config(**changes):
    def damage(folder) -> None:
        path = folder / CONFIG
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return damage


def _with_tensors(change):
    def damage(folder) -> None:
        tensors = load_file(folder / WEIGHTS)
        change(tensors)
        save_file(tensors, folder / WEIGHTS)

    return damage


A0 = "base_model.model.layers.0.lora_A.weight"


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda folder: (folder / CONFIG).unlink(), FileNotFoundError, f"no {CONFIG} in"),
        (lambda folder: (folder / WEIGHTS).unlink(), FileNotFoundError, f"no {WEIGHTS} in"),
        (lambda folder: (folder / CONFIG).write_text("{"), ValueError, "is not JSON"),
        (_truncate, ValueError, "is damaged or truncated"),
        (_with_config(peft_type="IA3"), ValueError, "peft_type 'IA3' is not one of LORA, LOHA"),
        (_with_config(use_dora=True), ValueError, "use_dora is not supported"),
        (_with_config(lora_alpha=None), ValueError, "lora_alpha must be a positive number, got None"),
        (_with_config(alpha_pattern=[]), ValueError, "alpha_pattern must be an object"),
        (_with_tensors(lambda t: t.pop(A0)), ValueError, "has no tensor base_model.model.layers.0.lora_A.weight"),
        (_with_tensors(lambda t: t.update({A0: np.zeros((3, 6), np.float32)})), ValueError, r"of the ranks \[2, 3\]"),
        (_with_tensors(lambda t: t.update({A0: np.zeros((2, 7), np.float32)})), ValueError, r"\(5, 7\), not of "),
        (_with_tensors(lambda t: t.update({A0: np.zeros((2, 6), np.int8)})), ValueError, "is I8.*not a matrix of"),
        (_with_tensors(lambda t: t.update({"x": np.zeros((2, 6), np.float32)})), ValueError, "holds the tensor 'x'"),
    ],
)  # fmt: skip
def test_damaged_folders_are_one_line(damage, error, message: str, getkey, tmp_path) -> None:
    model = _adapted("lora", getkey())
    models.save_adapters(model, tmp_path / "task")
    damage(tmp_path / "task")
    with pytest.raises(error, match=message) as caught:
        models.load_adapters(nn.detach(model), tmp_path / "task")
    assert "\n" not in str(caught.value)


def test_other_models_are_refused(getkey, tmp_path) -> None:
    model = _adapted("lora", getkey())
    models.save_adapters(model, tmp_path / "task")
    with pytest.raises(ValueError, match=r"no linear layer for the adapters of \['layers/1'\]"):
        models.load_adapters(models.Mlp(6, 5, (), key=getkey()), tmp_path / "task")
    with pytest.raises(ValueError, match="adapters of one kind, the model has none"):
        models.save_adapters(nn.detach(model), tmp_path / "none")
