"""Networks that a config can name: built for data, refused in one line where they do not fit."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from aimcjax import config, models
from aimcjax.config._models import MODELS
from aimcjax.datasets import Dataset


FOLDERS = Path(__file__).parents[1] / "models" / "fixtures"


def _dataset(name, x, y, n_symbols=0):
    return Dataset(name, x, y, x, y, tuple(map(str, range(n_symbols))))


IMAGES = _dataset("images", np.zeros((4, 8, 6), np.float32), np.arange(4))
SENTENCES = _dataset("sentences", np.ones((4, 7), np.int32), np.arange(4) % 2, 11)
TEXT = _dataset("text", np.ones((4, 7), np.int32), np.ones((4, 7), np.int32), 61)
DATA = {"cnn": IMAGES, "lstm": IMAGES, "albert": SENTENCES, "encoder": SENTENCES}


def _pretrained(folder):
    return MODELS["pretrained"](type="pretrained", folder=str(folder))


@pytest.mark.parametrize("kind", DATA)
def test_networks_fit_their_data(kind: str) -> None:
    blank = config.shapes(MODELS[kind](type=kind), DATA[kind], jr.key(0))
    logits = eqx.filter_eval_shape(lambda model, x: model(x), blank, DATA[kind].x_train[0])
    assert logits.shape == (DATA[kind].n_classes,)
    other = SENTENCES if kind == "lstm" else TEXT
    with pytest.raises(ValueError, match=f"a model of type {kind} takes .*, not {other.name}"):
        config.shapes(MODELS[kind](type=kind), other, jr.key(0))


def test_images_too_small_for_a_head_are_refused_before_training() -> None:
    section = MODELS["cnn"](type="cnn", widths=[8], stem_stride=4, pool=3)
    with pytest.raises(ValueError, match=r"3x3 parts of an image of \(2, 2\); lower `pool`"):
        config.shapes(section, IMAGES, jr.key(0))


def test_a_folder_is_a_network(tmp_path: Path) -> None:
    found = _pretrained(FOLDERS / "gpt2").build(TEXT, jr.key(0))
    assert eqx.tree_equal(found, models.load_pretrained(FOLDERS / "gpt2"))
    sizes = {"vocab_size": 11, "n_positions": 8, "dim": 8, "n_layers": 1, "n_heads": 2, "hidden": 8}
    bert = models.Bert(models.BertConfig(**sizes, masked_lm=False, pooler=True, n_classes=2), key=jr.key(0))
    models.save_pretrained(bert, tmp_path / "bert")
    section = _pretrained(tmp_path / "bert")
    found = section.build(SENTENCES, jr.key(0))
    np.testing.assert_array_equal(jax.vmap(found)(jnp.asarray(SENTENCES.x_train)).shape, (4, 2))
    blank = config.shapes(section, SENTENCES, jr.key(0))
    assert jax.tree.structure(found) == jax.tree.structure(blank)


@pytest.mark.parametrize(
    ("folder", "data", "message"),
    [
        ("nowhere", TEXT, "model.folder: no config.json in"),
        ("llama", TEXT, "llama knows 59 tokens, text has 61"),
        ("gpt2", IMAGES, "type pretrained takes a text, not images"),
        ("gpt2", SENTENCES, "type pretrained takes a text, not sentences"),
        ("bert", TEXT, "type pretrained takes sentences, not text"),
        ("bert", SENTENCES, "bert has no classes, sentences has 2"),
        ("gpt2", TEXT._replace(x_train=np.ones((4, 33), np.int32)), "gpt2 knows 32 positions, text has 33"),
    ],
)
def test_folders_that_do_not_fit_are_refused_in_one_line(folder: str, data: Dataset, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        _pretrained(FOLDERS / folder).build(data, jr.key(0))
    assert "\n" not in str(caught.value)
