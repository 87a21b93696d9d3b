"""Options of the test run."""

from __future__ import annotations


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=4, help="how often a server is killed under a live MLLP sender")
