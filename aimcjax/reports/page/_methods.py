"""Methods paragraphs, generated from the config: what was done, with the works that every model is from."""

from collections.abc import Iterator, Mapping
from typing import Any

from .._saved_run import SavedRun, section
from ..bibliography import cited
from ._markup import Citations, code, escape
from ._words import DATA, NETWORKS, STUDIES, called


def methods(run: SavedRun, cite: Citations) -> str:
    """The paragraph of one run; `cite` numbers the works."""
    config = run.config
    keys = {part.path: part.keys for part in cited(config)}
    recipe = {part.name: part.keys for part in cited(config) if part.path == "recipe"}
    used: set[str] = set()

    def source(path: str) -> str:
        used.add(path)
        return cite(keys.get(path, ()))

    sentences = [
        *([STUDIES.get(run.study, f"The study is {escape(run.study)}.")] if run.study != "score_over_time" else []),
        *_network(config, source),
        *_training(config, recipe, cite),
        *_adapter(config, recipe, cite),
        *_tile(config, source),
        *_chip(config, source),
        *_population(run),
        *_in_memory(config, source),
    ]
    used.add("recipe")
    rest = [part for part in cited(config) if part.path not in used or not cite.knows(part.keys)]
    if rest:
        named = dict.fromkeys(f"{called(part.name)}{cite(part.keys)}" for part in rest)
        sentences.append(f"Other models: {'; '.join(named)}.")
    version = run.versions.get("packages", {}).get("aimcjax", "unknown version")
    sentences.append(
        f"Everything was computed with aimcjax {escape(version)}{cite(['aimcjax'])}, "
        f"seed {escape(config.get('seed', 'unknown'))}."
    )
    return " ".join(sentences)


def _network(config: Mapping[str, Any], source: Any) -> Iterator[str]:
    model, data = config.get("model", config.get("network")), config.get("data")
    if not isinstance(model, Mapping):
        return
    kind = str(model.get("type", "network"))
    sizes = ", ".join(f"{escape(name)} {escape(value)}" for name, value in model.items() if name != "type")
    name = NETWORKS.get(kind, "a network")
    text = f"{name[0].upper()}{name[1:]}{source('model')}" + (f" ({sizes})" if sizes else "")
    if isinstance(data, Mapping):
        subject = str(data.get("type"))
        text += f" learned {DATA.get(subject, escape(subject))}{source('data')}"
    yield text + "."


def _training(config: Mapping[str, Any], recipe: Mapping[str, Any], cite: Citations) -> Iterator[str]:
    for key, words in (("digital_training", "digitally"), ("training", "digitally"), ("pretraining", "digitally")):
        asked = section(config, key)
        if asked.get("epochs"):
            yield f"It was trained {words} {_schedule(asked)} with AdamW{cite(recipe.get('adamw', ()))}."
    hwa = config.get("hwa_training")
    if not isinstance(hwa, Mapping) or not hwa.get("epochs"):
        return
    youngest, oldest = hwa.get("ages") or ("unknown", "unknown")
    text = (
        f"Hardware-aware training followed, {_schedule(hwa)}, on {_count(hwa.get('chips', 1), 'fresh simulated chip')} "
        f"a step at ages drawn between {escape(youngest)} and {escape(oldest)}"
        f"{cite(recipe.get('noise_injection', ()))}, weights clipped at {escape(hwa.get('clip_sigma'))} standard "
        f"deviations per {escape(hwa.get('clip_per'))}"
        f"{cite(recipe.get('clipping_per_column', ()))}"
    )
    if "weight_ranges" in recipe:
        text += f", their limits learned{cite(recipe['weight_ranges'])}"
    if "distillation" in recipe:
        text += f", distilled from the digital network{cite(recipe['distillation'])}"
    yield text + "."


def _schedule(asked: Mapping[str, Any]) -> str:
    return (
        f"for {_count(asked.get('epochs'), 'epoch')} in batches of {escape(asked.get('batch_size'))} at a rate of "
        f"{escape(asked.get('learning_rate'))} (weight decay {escape(asked.get('weight_decay', 0))})"
    )


def _count(n: Any, noun: str) -> str:
    return f"{escape(n)} {noun}" + ("" if n == 1 else "s")


def _adapter(config: Mapping[str, Any], recipe: Mapping[str, Any], cite: Citations) -> Iterator[str]:
    adapter = config.get("adapter") or config.get("lora")
    if not isinstance(adapter, Mapping):
        return
    keys = [key for name in ("lora", "loha", "lora_plus", "halora") for key in recipe.get(name, ())]
    size = f"rank {escape(adapter.get('rank'))} (alpha {escape(adapter.get('alpha'))})"
    yield f"Adapters of {size} were trained{cite(keys)}."


def _tile(config: Mapping[str, Any], source: Any) -> Iterator[str]:
    tile = config.get("tile")
    if not isinstance(tile, Mapping):
        return
    part = lambda name: section(tile, name)
    size = f"{escape(tile.get('rows'))} by {escape(tile.get('cols'))}"
    text = f"Matrices were cut into tiles of {size} cells{source('tile')}"
    if part("encoding"):
        text += f", weights held by {called(str(part('encoding').get('type')))}{source('tile.encoding')}"
    yield text + "."
    device = part("device")
    if device:
        ends = [escape(device[name]) for name in ("g_min", "g_max") if name in device]
        named = next((p.name for p in cited(config) if p.path == "tile.device"), str(device.get("type")))
        given = f", {' to '.join(ends)}" if ends else ""
        policy = part("policy")
        how = f" They were programmed {called(str(policy.get('type')))}{source('tile.policy')}." if policy else ""
        yield f"The cells are those of {code(named)}{source('tile.device')}{given}.{how}"
    if part("crossbar"):
        yield f"The array has {called(str(part('crossbar').get('type')))}{source('tile.crossbar')}."
    converters = []
    for name in ("dac", "adc"):
        if part(name):
            bits = f" of {escape(part(name)['bits'])} bits" if "bits" in part(name) else ""
            converters.append(f"{name.upper()}s are {code(part(name).get('type'))}{bits}{source(f'tile.{name}')}")
    if converters:
        yield f"{'; '.join(converters)}."


def _chip(config: Mapping[str, Any], source: Any) -> Iterator[str]:
    chip = config.get("chip")
    if not isinstance(chip, Mapping):
        return
    compensation = chip.get("compensation")
    if isinstance(compensation, Mapping):
        yield f"Drift was compensated by {called(str(compensation.get('type')))}{source('chip.compensation')}."
    design = chip.get("design")
    if isinstance(design, Mapping):
        named = design.get("name") not in (None, "chip")
        of = f"the chip {code(design['name'])}" if named else "the chip that the config describes"
        yield f"Energy, latency and area are those of {of}{source('chip.design')}."


def _population(run: SavedRun) -> Iterator[str]:
    sweep = run.config.get("sweep")
    if not isinstance(sweep, Mapping) or "n_chips" not in sweep:
        return
    times = sweep.get("times") or []
    when = f" and read {', '.join(escape(t) for t in times)} after programming" if isinstance(times, list) else ""
    yield (
        f"{escape(run.n_chips)} chips were drawn, each programmed once{when}. Intervals are 95 % intervals of the "
        "mean over chips (Student's t), for one training and one test set."
    )


def _in_memory(config: Mapping[str, Any], source: Any) -> Iterator[str]:
    cells = config.get("cells")
    if isinstance(cells, Mapping):
        many = {"": cells} if "cell" in cells else cells
        named = []
        for name, part in many.items():
            path = f"cells.{name}.cell" if name else "cells.cell"
            if isinstance(part, Mapping) and "cell" in part:
                found = next((p.name for p in cited(config) if p.path == path), "assumed cells")
                named.append(f"{escape(name)} {code(found)}{source(path)}".strip())
        if named:
            yield f"Cells: {'; '.join(named)}."
    for key in ("algorithms", "lora_algorithms", "full_algorithms"):
        if isinstance(config.get(key), Mapping):
            named = [f"{escape(name)}{source(f'{key}.{name}')}" for name in config[key]]
            yield f"{key.replace('_', ' ').capitalize()}: {', '.join(named)}."
    rule = config.get("rule")
    if isinstance(rule, Mapping):
        yield f"The rule is {escape(str(rule.get('type')).replace('_', ' '))}{source('rule')}."
    if isinstance(config.get("n_seeds"), int):
        yield f"{config['n_seeds']} seeds were run."
