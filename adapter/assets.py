"""Reads what ships with the adapter: `profiles/` and `mappings/`."""

from __future__ import annotations

import shutil
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

import orjson
import yaml

from adapter.settings import LOADER

if TYPE_CHECKING:
    from pathlib import Path


def r4_facts() -> dict[str, Any]:
    """The tables of the R4 definitions, as `profiles/r4/generate.py` wrote them."""
    document: dict[str, Any] = orjson.loads(files("profiles").joinpath("r4", "facts.json").read_bytes())
    return document


def conformance() -> dict[str, dict[str, Any]]:
    """The conformance resources that ship, each as its file says, by file name."""
    folder = files("profiles")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".json") and "-" in item.name)
    return {name: orjson.loads(folder.joinpath(name).read_bytes()) for name in names}


def us_core() -> dict[str, Any]:
    """What US Core asks of the types that are exchanged: ``profiles`` and ``codes`` by address."""
    document: dict[str, Any] = orjson.loads(files("profiles").joinpath("us_core.json").read_bytes())
    return document


def instruments() -> dict[str, Any]:
    """The registry of screening instruments."""
    return _yaml("profiles", "instruments.yaml")


def loinc() -> dict[str, Any]:
    """The pinned LOINC codes."""
    return _yaml("profiles", "loinc.yaml")


def law() -> dict[str, Any]:
    """The legal bases and the decision matrix: the documents ``bases`` and ``matrix``."""
    return {name: _yaml("profiles", "law", f"{name}.yaml") for name in ("bases", "matrix")}


def law_overlays() -> dict[str, Any]:
    """The jurisdiction overlays that ship, by file name."""
    folder = files("profiles").joinpath("law", "overlays")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".yaml"))
    return {f"profiles/law/overlays/{name}": _yaml("profiles", "law", "overlays", name) for name in names}


def topics() -> dict[str, Any]:
    """The topics that ship, by file name."""
    folder = files("profiles").joinpath("topics")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".yaml"))
    return {f"profiles/topics/{name}": _yaml("profiles", "topics", name) for name in names}


def identity() -> dict[str, Any]:
    """What matches people: the documents ``weights`` and ``nicknames``."""
    return {name: _yaml("profiles", "identity", f"{name}.yaml") for name in ("weights", "nicknames")}


def code_tables() -> dict[str, Any]:
    """The shared code tables of the mapping language, by file name without its ending."""
    folder = files("mappings").joinpath("tables")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".yaml"))
    return {name.removesuffix(".yaml"): _yaml("mappings", "tables", name) for name in names}


def base_mappings() -> dict[str, Any]:
    """The mappings that others extend, by file name without its ending."""
    folder = files("mappings").joinpath("base")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".yaml"))
    return {name.removesuffix(".yaml"): _yaml("mappings", "base", name) for name in names}


def copy_fictional_county(folder: Path) -> None:
    """Put the site folder of the fictional county into ``folder``, without overwriting what is there."""
    with as_file(files("mappings").joinpath("fictional_county")) as source:
        for path in sorted(source.rglob("*")):
            target = folder / path.relative_to(source)
            if path.is_file() and path.suffix in {".yaml", ".toml"} and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


@cache
def _yaml(package: str, *path: str) -> dict[str, Any]:
    """A document that ships, read once: whoever gets it reads it and changes nothing in it."""
    text = files(package).joinpath(*path).read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.load(text, Loader=LOADER)  # noqa: S506 - a safe loader
    return document
