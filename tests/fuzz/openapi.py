"""`python -m tests.fuzz.openapi`: random requests from the OpenAPI document, until an answer is none it describes.

Prints its seed; the same seed gives the same requests.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support"), str(HERE.parent.parent)]


def main():
    """Send the requests; what was wrong ends it."""
    from openapi_run import go  # noqa: PLC0415  # the path is set above

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.openapi", description=__doc__)
    parser.add_argument("--requests", type=int, default=1000, help="right and wrong ones to each address")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="sallyport-fuzz-") as folder:
        answered = go(Path(folder), options.seed, options.requests)
    for (operation, status), times in sorted(answered.items()):
        print(f"{operation:40}{status:>5}{times:>10,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
