"""Folders in the published layout: read, written, refused."""

import json
import pathlib
import shutil

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from filled import filled
from safetensors import safe_open
from safetensors.numpy import save_file

from aimcjax import models, nn, tiles


FIXTURES = pathlib.Path(__file__).parent / "fixtures"
VARIANTS = sorted(path.name for path in FIXTURES.iterdir())


def _tensors(folder: pathlib.Path) -> dict[str, np.ndarray]:
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="np") as file:
            found |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return found


def _edit(folder: pathlib.Path, **changes) -> None:
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(config))


@pytest.fixture
def copy(tmp_path):
    """Copies a fixture to where it can be damaged."""
    return lambda name: pathlib.Path(shutil.copytree(FIXTURES / name, tmp_path / name))


@pytest.mark.parametrize("name", VARIANTS)
def test_what_is_written_is_what_was_read(name, tmp_path):
    model = models.load_pretrained(FIXTURES / name)
    models.save_pretrained(model, tmp_path / "saved")
    theirs, ours = _tensors(FIXTURES / name), _tensors(tmp_path / "saved")
    if name == "bert_untied":  # never read: the bias of a decoder of its own is the decoder's
        del theirs["cls.predictions.bias"]
    assert ours.keys() == theirs.keys()
    for key in theirs:
        np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)
    published = json.loads((FIXTURES / name / "config.json").read_text())
    written = json.loads((tmp_path / "saved" / "config.json").read_text())
    derived = {"n_inner", "head_dim", "rope_theta", "rope_scaling", "sliding_window"}
    assert {key for key, value in written.items() if published.get(key, value) != value} <= derived
    assert eqx.tree_equal(models.load_pretrained(tmp_path / "saved"), model)


@pytest.mark.parametrize(
    ("architecture", "changes"),
    [
        ("BertModel", {"pooler": True, "masked_lm": False}),
        ("BertForSequenceClassification", {"pooler": True, "masked_lm": False, "n_classes": 3}),
        ("BertForQuestionAnswering", {"masked_lm": False, "n_token_classes": 2}),
    ],
)
def test_heads_make_the_architecture(architecture, changes, tmp_path):
    sizes = {"vocab_size": 11, "n_positions": 8, "dim": 8, "n_layers": 1, "n_heads": 2, "hidden": 8}
    model = filled(models.Bert, models.BertConfig(**sizes, **changes))
    models.save_pretrained(model, tmp_path / "saved")
    assert json.loads((tmp_path / "saved" / "config.json").read_text())["architectures"] == [architecture]
    assert eqx.tree_equal(models.load_pretrained(tmp_path / "saved"), model)
    odd = filled(models.Bert, models.BertConfig(**sizes, n_token_classes=5))
    with pytest.raises(ValueError, match="no published Bert has the heads"):
        models.save_pretrained(odd, tmp_path / "odd")
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_shards(tmp_path):
    model = models.load_pretrained(FIXTURES / "mixtral")
    models.save_pretrained(model, tmp_path / "saved", shard_bytes=20_000)
    shards = sorted((tmp_path / "saved").glob("model-*.safetensors"))
    assert len(shards) > 2
    assert all(path.stat().st_size < 25_000 for path in shards)
    index = json.loads((tmp_path / "saved" / "model.safetensors.index.json").read_text())
    assert index["weight_map"].keys() == _tensors(FIXTURES / "mixtral").keys()
    assert eqx.tree_equal(models.load_pretrained(tmp_path / "saved"), model)
    shards[1].unlink()
    with pytest.raises(FileNotFoundError, match=f"no {shards[1].name} in"):
        models.load_pretrained(tmp_path / "saved")


def test_older_forms_of_files_are_read(copy):
    folder = copy("gpt2")
    tensors = {name.removeprefix("transformer."): value for name, value in _tensors(folder).items()}
    tensors |= {"h.0.attn.bias": np.ones((1, 1, 32, 32), np.float32), "lm_head.weight": tensors["wte.weight"]}
    save_file(tensors, folder / "model.safetensors")
    assert eqx.tree_equal(models.load_pretrained(folder), models.load_pretrained(FIXTURES / "gpt2"))
    folder = copy("bert")
    old = lambda name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    tensors = {old(name): value for name, value in _tensors(folder).items()}
    tensors |= {"bert.pooler.dense.bias": np.zeros(24, np.float32), "cls.seq_relationship.bias": np.zeros(2)}
    save_file(tensors, folder / "model.safetensors")
    assert eqx.tree_equal(models.load_pretrained(folder), models.load_pretrained(FIXTURES / "bert"))
    folder = copy("llama")
    _edit(folder, rope_parameters=None, rope_theta=500.0, rope_scaling=None)
    assert eqx.tree_equal(models.load_pretrained(folder), models.load_pretrained(FIXTURES / "llama"))


def test_half_precision_in_files_and_in_memory(tmp_path):
    model = models.load_pretrained(FIXTURES / "gpt2", dtype=jnp.bfloat16)
    assert {leaf.dtype for leaf in jax.tree.leaves(eqx.filter(model, eqx.is_array))} == {jnp.dtype(jnp.bfloat16)}
    models.save_pretrained(model, tmp_path / "half")
    assert json.loads((tmp_path / "half" / "config.json").read_text())["dtype"] == "bfloat16"
    wide = models.load_pretrained(tmp_path / "half")
    assert wide.embedding.weight.dtype == jnp.float32
    np.testing.assert_array_equal(wide.norm.weight, np.asarray(model.norm.weight, np.float32))


REFUSED = {
    "model_type": ("gpt2", {"model_type": "t5"}, "model_type 't5' is not one of albert, bert, gpt2"),
    "no size": ("gpt2", {"n_embd": None}, "config.json has no 'n_embd'"),
    "kind": ("llama", {"hidden_size": "24"}, "'hidden_size' has a value of the wrong kind: '24'"),
    "impossible": ("bert", {"num_attention_heads": 5}, "dim must be a multiple of n_heads, got 24 and 5"),
    "zero": ("gpt2", {"n_layer": 0}, "n_layers must be a whole number above zero, got 0"),
    "activation": ("llama", {"hidden_act": "gelu"}, "hidden_act='gelu' is not supported, only 'silu'"),
    "gelu": ("gpt2", {"activation_function": "relu"}, "activation_function='relu' is not supported"),
    "window": ("mixtral", {"sliding_window": 4096}, "sliding_window=4096 is not supported, only None"),
    "rope": ("llama", {"rope_parameters": {"rope_type": "yarn"}}, "of type 'yarn' are not supported"),
    "old rope": ("llama", {"rope_parameters": None, "rope_scaling": {"type": "linear", "factor": 2}}, "type 'linear'"),
    "llama3": ("llama", {"rope_parameters": {"rope_type": "llama3", "factor": 2.0}}, "have no 'low_freq_factor'"),
    "rope list": ("llama", {"rope_parameters": [1]}, r"must be a JSON object, got \[1\]"),
    "theta": ("llama", {"rope_parameters": {"rope_theta": [1]}}, r"'rope_theta' has a value of the wrong kind: \[1\]"),
    "negative": ("llama", {"rope_parameters": {"rope_theta": -2.0}}, "'rope_theta' must be above zero, got -2.0"),
    "epsilon": ("llama", {"rms_norm_eps": float("nan")}, "'rms_norm_eps' must be above zero, got nan"),
    "no name": ("llama", {"model_type": ["llama"]}, r"model_type \['llama'\] is not one of"),
    "no list": ("bert", {"architectures": 1}, "architectures=1 is not supported"),
    "partial": ("llama", {"partial_rotary_factor": 0.5}, "partial_rotary_factor=0.5 is not supported"),
    "groups": ("albert", {"num_hidden_groups": 2}, "num_hidden_groups=2 is not supported, only 1"),
    "relative": ("bert", {"position_embedding_type": "relative_key"}, "position_embedding_type='relative_key'"),
    "head": ("bert", {"architectures": ["BertForTokenClassification"]}, "BertForTokenClassification.* not supported"),
    "shape": ("gpt2", {"n_positions": 16}, r"'transformer.wpe.weight' has the shape \(32, 24\).* asks for \(16, 24\)"),
    "missing": (
        "bert_untied",
        {"num_hidden_layers": 3},
        "no tensor 'bert.encoder.layer.2.attention.self.query.weight'",
    ),
    "unexpected": ("llama", {"num_hidden_layers": 1}, "holds the tensor 'model.layers.1.*does not ask for"),
    "experts": ("mixtral", {"num_local_experts": 5}, r"no tensor '.*experts\.4\.w1.weight'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_one_line(case, copy):
    name, changes, message = REFUSED[case]
    folder = copy(name)
    _edit(folder, **changes)
    with pytest.raises(ValueError, match=message) as caught:
        models.load_pretrained(folder)
    assert "\n" not in str(caught.value)


def test_other_dtypes(copy):
    folder = copy("gpt2")
    tensors = {name: value.astype(np.float64) for name, value in _tensors(folder).items()}
    save_file(tensors, folder / "model.safetensors")
    assert eqx.tree_equal(models.load_pretrained(folder), models.load_pretrained(FIXTURES / "gpt2"))
    save_file(tensors | {"transformer.ln_f.bias": np.full(24, np.nan)}, folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"'transformer.ln_f.bias' holds values that are no float32 numbers"):
        models.load_pretrained(folder)
    save_file(tensors | {"transformer.wte.weight": np.ones((61, 24), np.int8)}, folder / "model.safetensors")
    with pytest.raises(ValueError, match="'transformer.wte.weight' is stored as I8, not as one of BF16, F16, F32, F64"):
        models.load_pretrained(folder)


@pytest.mark.parametrize(
    ("file", "content", "error", "message"),
    [
        ("model.safetensors", 10_000, ValueError, "model.safetensors is damaged or truncated"),
        ("model.safetensors", 4, ValueError, "model.safetensors is damaged or truncated"),
        ("model.safetensors", None, FileNotFoundError, "no model.safetensors and no model.safetensors.index.json in"),
        ("config.json", None, FileNotFoundError, "no config.json in"),
        ("config.json", 30, ValueError, "config.json is not JSON"),
    ],
)
def test_damaged_files_are_refused_in_one_line(file, content, error, message, copy):
    folder = copy("gpt2")
    kept = (folder / file).read_bytes()[:content]
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(kept)
    with pytest.raises(error, match=message) as caught:
        models.load_pretrained(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"weight_map": {"a": "../secret.safetensors"}}, "points outside its folder"),
        ({"weight_map": {}}, "has no weight_map"),
        ({"weight_map": {"absent": "part.safetensors"}}, "promises the tensor absent"),
    ],
)
def test_bad_indices_are_refused(index, message, copy):
    folder = copy("gpt2")
    (folder / "model.safetensors").rename(folder / "part.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match=message):
        models.load_pretrained(folder)


def test_nothing_is_overwritten_and_nothing_left_behind(tmp_path):
    model = models.load_pretrained(FIXTURES / "gpt2")
    models.save_pretrained(model, tmp_path / "saved")
    with pytest.raises(FileExistsError, match="exists already"):
        models.save_pretrained(model, tmp_path / "saved")
    with pytest.raises(ValueError, match="Mlp has no published layout"):
        models.save_pretrained(models.Mlp(4, 2, (), key=jr.key(0)), tmp_path / "other")
    analog = nn.convert(model, [nn.Rule(".*", tiles.preset("ideal"))])
    with pytest.raises(ValueError, match="is the model digital"):
        models.save_pretrained(analog, tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


@pytest.mark.parametrize("name", ["gpt2", "bert"])
def test_an_untied_head_computes_the_same(name, tmp_path):
    model = models.load_pretrained(FIXTURES / name)
    tokens = jnp.asarray(np.load(FIXTURES / name / "expected.npz")["tokens"][0])
    untied = models.untie(model)
    call = eqx.filter_jit(lambda model: model(tokens))
    np.testing.assert_allclose(call(untied), call(model), atol=tolerances.PRIMITIVE)
    head = "head" if name == "gpt2" else "masked_lm/decoder"
    assert head in nn.analog_layers(nn.convert(untied, [nn.Rule(".*", tiles.preset("ideal"))]))
    models.save_pretrained(untied, tmp_path / "saved")
    assert eqx.tree_equal(models.load_pretrained(tmp_path / "saved"), untied)
    with pytest.raises(ValueError, match="no tied head"):
        models.untie(untied)
