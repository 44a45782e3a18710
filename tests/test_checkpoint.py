"""Checkpoints: what is loaded is what was saved, and only into the model it was saved from."""

from collections.abc import Callable
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from aimcjax import checkpoint, nn, tiles
from aimcjax.models import Mlp


def _model(width: int = 6, seed: int = 0) -> Mlp:
    return Mlp(4, 3, (width,), key=jr.key(seed))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint"
    checkpoint.save(path, baseline=_model(), hwa=_model(seed=1))
    return path


def test_restores_every_network_exactly(saved: Path) -> None:
    like = _model(seed=2)
    assert eqx.tree_equal(checkpoint.load(saved, "baseline", like), _model())
    assert eqx.tree_equal(checkpoint.load(saved, "hwa", like), _model(seed=1))
    assert not eqx.tree_equal(_model(), _model(seed=1))


def test_restores_into_shapes_alone(saved: Path) -> None:
    like = eqx.filter_eval_shape(_model)
    assert eqx.tree_equal(checkpoint.load(saved, "baseline", like), _model())


def test_restores_analog_models_with_their_physics(tmp_path: Path, getkey: Callable[[], jax.Array]) -> None:
    tile = tiles.TileDesign(rows=4, cols=4)
    chip = nn.program(nn.convert(_model(), [nn.Rule(".*", tile)]), key=getkey())
    other = nn.program(nn.convert(_model(seed=3), [nn.Rule(".*", tile)]), key=getkey())
    checkpoint.save(tmp_path / "chip", chip=chip)
    assert eqx.tree_equal(checkpoint.load(tmp_path / "chip", "chip", other), chip)


def test_restores_every_dtype(tmp_path: Path) -> None:
    kinds = (jnp.bfloat16, jnp.float16, jnp.float32, jnp.int8, jnp.int32, jnp.uint32, jnp.bool_)
    tree = {jnp.dtype(kind).name: jnp.arange(4).astype(kind) for kind in kinds}
    checkpoint.save(tmp_path / "kinds", tree=tree)
    loaded = checkpoint.load(tmp_path / "kinds", "tree", jax.tree.map(jnp.zeros_like, tree))
    for name, leaf in loaded.items():
        assert leaf.dtype.name == name
        np.testing.assert_array_equal(np.asarray(leaf, float), [0, 1, 1, 1] if name == "bool" else [0, 1, 2, 3])


def test_restores_to_the_shardings_of_the_model(saved: Path) -> None:
    mesh = jax.make_mesh((2,), ("x",))
    split = NamedSharding(mesh, PartitionSpec("x"))
    like = eqx.tree_at(lambda m: m.layers[0].weight, _model(seed=2), jax.device_put(jnp.zeros((6, 4)), split))
    weight = checkpoint.load(saved, "baseline", like).layers[0].weight
    assert weight.sharding.is_equivalent_to(split, 2)
    np.testing.assert_array_equal(np.asarray(weight), np.asarray(_model().layers[0].weight))


def test_refuses_another_shape(saved: Path) -> None:
    with pytest.raises(ValueError, match=r"does not fit the model.*layers\.0\.(bias|weight).*another config") as error:
        checkpoint.load(saved, "baseline", _model(width=7))
    assert "\n" not in str(error.value)


def test_refuses_more_or_fewer_arrays(saved: Path) -> None:
    deeper = Mlp(4, 3, (6, 6), key=jr.key(0))
    with pytest.raises(ValueError, match=r"layers\.2"):
        checkpoint.load(saved, "baseline", deeper)
    with pytest.raises(ValueError, match=r"layers\.1"):
        checkpoint.load(saved, "baseline", Mlp(4, 6, (), key=jr.key(0)))


def test_refuses_another_name(saved: Path) -> None:
    with pytest.raises(ValueError, match=r"holds \['baseline', 'hwa'\], not 'best'"):
        checkpoint.load(saved, "best", _model())


def test_refuses_what_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        checkpoint.load(tmp_path / "nothing", "baseline", _model())
    (tmp_path / "file").write_text("text")
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        checkpoint.load(tmp_path / "file", "baseline", _model())
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"holds \[\], not 'baseline'"):
        checkpoint.load(tmp_path / "empty", "baseline", _model())


@pytest.mark.parametrize("part", ["everything", "metadata", "arrays"])
def test_refuses_a_damaged_checkpoint(saved: Path, part: str) -> None:
    for file in filter(Path.is_file, saved.rglob("*")):
        if part == "everything" or (part == "metadata") == ("METADATA" in file.name.upper()):
            file.write_bytes(b"damaged")
    with pytest.raises(ValueError, match="is not a readable checkpoint"):
        checkpoint.load(saved, "baseline", _model())


def test_never_writes_over_anything(saved: Path) -> None:
    with pytest.raises(FileExistsError, match="exists already"):
        checkpoint.save(saved, baseline=_model(seed=5))
    assert eqx.tree_equal(checkpoint.load(saved, "baseline", _model(seed=2)), _model())
