"""Lets the tests of this folder import the fuzzer and what it shares with the tests of the engine."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "consent")]
