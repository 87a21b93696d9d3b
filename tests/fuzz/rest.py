"""`python -m tests.fuzz.rest`: random requests to the FHIR base, until an answer is wrong or enough were right.

Prints its seed; the same seed gives the same requests.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path
from time import perf_counter

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support"), str(HERE.parent.parent)]
EVERY = 5_000


def main():
    """Send the requests; 1 if an answer was wrong."""
    from rest_run import WrongAnswer, go  # noqa: PLC0415  # the path is set above

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.rest", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    start = perf_counter()

    def progress(done):
        if done % EVERY == 0:
            print(f"{done:,} of {options.requests:,} requests, {done / (perf_counter() - start):,.0f}/s", flush=True)

    with tempfile.TemporaryDirectory(prefix="sallyport-fuzz-") as folder:
        try:
            answered = asyncio.run(go(Path(folder), options.seed, options.requests, progress))
        except WrongAnswer as error:
            print(error)
            return 1
    for (method, status), times in sorted(answered.items()):
        print(f"{method:8}{status:>5}{times:>10,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
