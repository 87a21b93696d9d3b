"""Lets the tests of this folder import its builders and its reference evaluator by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
