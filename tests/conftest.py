"""Options of the test run."""

from __future__ import annotations

import pickle

import orjson
import pytest
import yaml
from fastapi.dependencies import models

from adapter import settings
from adapter.services import site_rules


def _read_once(read):
    """Reading YAML gives what the same text gave before, as a copy of its own."""
    known = {}

    def load(text, Loader):  # noqa: N803 - the name of the library
        if not isinstance(text, str):
            return read(text, Loader=Loader)
        if text not in known:
            known[text] = pickle.dumps(read(text, Loader=Loader))
        return pickle.loads(known[text])  # noqa: S301 - made above

    return load


def _compiled_once(compile_mapping):
    """The fictional county is opened for thousands of tests, and a mapping that was compiled does not change."""
    known = {}

    def compiled(document, *, file, tables, elements, bases):
        key = (orjson.dumps(document), file)
        if key not in known:
            known[key] = compile_mapping(document, file=file, tables=tables, elements=elements, bases=bases)
        return known[key]

    return compiled


def pytest_configure():
    settings.yaml.load = _read_once(yaml.load)
    site_rules.compile_mapping = _compiled_once(site_rules.compile_mapping)


def pytest_addoption(parser):
    parser.addoption("--histories", type=int, default=1, help="random histories of which subscribers are told")
    parser.addoption("--kills", type=int, default=4, help="how often a crash test kills a process at work")


@pytest.fixture(scope="module", autouse=True)
def _forgotten_applications():
    """FastAPI remembers the routes of every application ever made, and with them whole sites of earlier tests."""
    yield
    for remembered in vars(models).values():
        if hasattr(remembered, "cache_clear"):
            remembered.cache_clear()
