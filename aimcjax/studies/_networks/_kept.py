"""The trained networks of a study: those that are missing are trained, the others are there already."""

import json
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.random as jr
import numpy as np
from jaxtyping import Float

from ... import checkpoint, nn, training
from ..._types import PRNGKey
from ...config import Config
from ...datasets import Dataset
from .._running import Progress, RunDirectoryError, write_json
from . import _roads as roads, _trainings as trainings


KEY_NAMES = ("model", "digital", "hwa", "adapter", "chips", "portrait")
Train = Callable[[Callable[[int, float], None], training.Saves], Any]


def trained_networks(
    config: Config,
    data: Dataset,
    keys: dict[str, PRNGKey],
    folder: Path,
    tell: Progress,
    *,
    source: Path | None = None,
    roads_taken: Collection[str] = ("direct", "hwa", "hwa_lora"),
) -> tuple[Any, dict[str, Any]]:
    """The baseline and the networks that go to chips, by road (`direct`, `hwa` and, with adapters, `hwa_lora`).

    Each is read from `folder/checkpoint` if it is there, or else from that of the run `source`, or else trained; then
    it is written there at once. A training that is under way keeps its saves in `folder/training`.

    **Arguments:** `config`; its `data`; `keys`, of the first four `KEY_NAMES`; `folder`, of the run;
    `tell`; `source`, another run, of the same network and trainings; `roads_taken`, the others are not trained.

    **Raises:** as `score_over_time`.
    """
    blank = roads.prepare(config, data, keys["model"])
    here = Kept(folder, tell, source)
    with_key = lambda road: (config, data, keys[road])

    def digital(step: Any, saves: training.Saves) -> Any:
        return trainings.train_digital(config, blank, data, keys["digital"], step, saves)

    model = here.network(
        "baseline", on_mesh(config, blank), digital, "digital training", config.digital_training.epochs
    )
    direct = roads.map_directly(config, model, data)
    analog = {"direct": direct}
    if "hwa" in roads_taken:
        analog["hwa"] = trained_for_hardware(*with_key("hwa"), here, direct, model)
    if config.adapter is not None and "hwa_lora" in roads_taken:
        analog["hwa_lora"] = _with_trained_adapters(*with_key("adapter"), here, direct, model)
    return model, analog


def trained_for_hardware(config: Config, data: Dataset, key: PRNGKey, here: "Kept", direct: Any, model: Any) -> Any:
    """The network of the second road, from the baseline `model` as it is mapped directly."""
    like = nn.with_designs(trainings.for_hardware(config, direct), direct)

    def train(step: Any, saves: training.Saves) -> Any:
        return trainings.train_for_hardware(config, direct, model, data, key, step, saves)

    asked = config.hwa_training.epochs
    found = here.network("hwa", on_mesh(config, like), train, "hardware-aware training", asked)
    return nn.with_designs(found, direct)


def _with_trained_adapters(config: Config, data: Dataset, key: PRNGKey, here: "Kept", direct: Any, model: Any) -> Any:
    like = trainings.with_adapters(config, direct, jr.split(key)[0])
    assert config.adapter is not None

    def train(step: Any, saves: training.Saves) -> Any:
        return trainings.train_adapters(config, direct, model, data, key, step, saves)

    found = here.network("hwa_lora", on_mesh(config, like), train, "adapter training", config.adapter.epochs)
    return nn.with_designs(found, direct)


def on_mesh(config: Config, model: Any) -> Any:
    """`model` as a training leaves it on the mesh of the config."""
    arrays, rest = eqx.partition(model, eqx.is_array)
    return eqx.combine(training.Layout(config.mesh.build()).put(arrays), rest)


class Kept:
    """What a run has finished, in its `folder`: networks in `checkpoint`, scores in `scores`."""

    def __init__(self, folder: Path, tell: Progress, source: Path | None = None) -> None:
        self._folder, self._tell, self._source = folder, tell, source

    def network(self, name: str, like: Any, train: Train, title: str, epochs: int) -> Any:
        """The network called `name`, with the structure of `like`: read, or else made by `train(progress, saves)`,
        shown under its `title`. What is written is read back, so that a run that was interrupted sees what others
        see."""
        path, facts = self._folder / "checkpoint", self._folder / "checkpoint" / f"{name}.json"
        if why := _damage(path, name) if facts.is_file() else "":
            self._tell.note(f"the network {path / name} is damaged ({why}); it is trained again")
        elif facts.is_file():
            return checkpoint.load(path, name, like)
        facts.unlink(missing_ok=True)
        shutil.rmtree(path / name, ignore_errors=True)
        if not self._folder.is_dir():
            raise FileNotFoundError(2, "it disappeared", str(self._folder))
        network, history = self._made(name, like, train, title, epochs)
        checkpoint.add(path, name, network)
        write_json(facts, {"loss": history, "files": checkpoint.checksums(path / name)})
        shutil.rmtree(self._folder / "training" / name, ignore_errors=True)
        return checkpoint.load(path, name, like)

    def _made(self, name: str, like: Any, train: Train, title: str, epochs: int) -> tuple[Any, list[float]]:
        if self._source is not None:
            path = self._source / "checkpoint"
            if (path / f"{name}.json").is_file() and (why := _damage(path, name)):
                raise RunDirectoryError(f"the network {path / name} is damaged ({why}); train it again")
            return checkpoint.load(path, name, like), losses(self._source).get(name, [])
        saves = training.Saves(self._folder / "training" / name, tell=self._tell.note)
        with self._tell.training(title, epochs) as step:
            network = train(step, saves)
        return network, saves.history()

    def scores(self, road: str, compute: Callable[[], Float[np.ndarray, "..."]]) -> Float[np.ndarray, "..."]:
        """The scores of a road: read, or else computed and written."""
        path = self._folder / "scores" / f"{road}.npz"
        if path.is_file():
            try:
                with np.load(path) as found:
                    return found["scores"]
            except Exception:  # zip files are damaged in many ways
                self._tell.note(f"the scores {path} are damaged and computed again")
        found, new = compute(), path.with_suffix(".new")
        path.parent.mkdir(exist_ok=True)
        with new.open("wb") as file:
            np.savez(file, scores=found)
        new.replace(path)
        return found


def losses(run: Path) -> dict[str, list[float]]:
    """The mean loss of each epoch [nats] of every training of a run, by network."""
    files = {name: run / "checkpoint" / f"{name}.json" for name in ("baseline", "hwa", "hwa_lora")}
    return {name: json.loads(file.read_text())["loss"] for name, file in files.items() if file.is_file()}


def _damage(path: Path, name: str) -> str:
    """What is wrong with a network that was written, if anything."""
    try:
        wanted, found = json.loads((path / f"{name}.json").read_text())["files"], checkpoint.checksums(path / name)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return " ".join(str(error).split())
    wrong = sorted(file for file in wanted.keys() | found.keys() if wanted.get(file) != found.get(file))
    return f"{wrong[0]} is not what was written" if wrong else ""
