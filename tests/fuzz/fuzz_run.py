"""Many blocks in many processes, with a bar, a rate, and a file to go on from."""

import json
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path
from time import perf_counter

from fuzz_block import Block, Tally
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from saved_cases import save, smaller

AT_ONCE = 8
"""Blocks handed to a process together."""
MOST_SAVED = 20
"""Disagreements written out by one run; more would tell the same story."""
SILENCE = 60
"""Seconds between two lines where there is no terminal to draw a bar on."""
STATE = Path("build/fuzz")


def chunk(seed, first):
    """The blocks ``first`` to ``first + AT_ONCE`` of a seed."""
    tally = Tally()
    for number in range(first, first + AT_ONCE):
        tally.add(Block(seed, number).run())
    return tally


class Run:
    """One run: a seed, how many triples, and how far it is. A stopped run goes on where it was."""

    def __init__(self, seed, triples):
        self.seed, self.triples = seed, triples
        self.path = STATE / f"seed-{seed}.json"
        self.done, self.seconds, self.tally, self.saved = 0, 0.0, Tally(), []
        if self.path.exists():
            self.load()

    def load(self):
        state = json.loads(self.path.read_text(encoding="utf-8"))
        self.done, self.seconds = state["done"], state["seconds"]
        self.tally = Tally(**state["counts"], rows=Counter(state["rows"]))

    def store(self):
        counts = {name: getattr(self.tally, name) for name in vars(Tally()) if name not in ("rows", "found")}
        state = {"done": self.done, "seconds": self.seconds, "counts": counts, "rows": self.tally.rows}
        STATE.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(state), encoding="utf-8")

    def go(self, processes):
        """Run what is left, ``processes`` at a time; what is finished in order is kept when it is stopped."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        told = perf_counter()
        started, before = perf_counter() - self.seconds, self.tally.triples
        with ProcessPoolExecutor(processes) as pool, Progress(*columns) as bar:
            task = bar.add_task("triples", total=self.triples, completed=before)
            waiting, finished, number = {}, {}, self.done
            try:
                while self.tally.triples < self.triples:
                    while len(waiting) < 2 * processes:
                        waiting[pool.submit(chunk, self.seed, number)] = number
                        number += AT_ONCE
                    ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    finished |= {waiting.pop(one): one.result() for one in ready}
                    while self.done in finished:
                        self.take(finished.pop(self.done))
                    self.seconds = perf_counter() - started
                    rate = f"triples, {self.tally.triples / self.seconds:,.0f}/s, {len(self.tally.found)} found"
                    bar.update(task, completed=self.tally.triples, description=rate)
                    if not bar.console.is_terminal and perf_counter() - told > SILENCE:
                        told = perf_counter()
                        print(f"{self.tally.triples:,} of {self.triples:,} {rate}", flush=True)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                self.store()

    def take(self, tally):
        """Add what a chunk came to; every disagreement is made smaller and put where the tests find it."""
        self.tally.add(tally)
        for one in tally.found:
            if len(self.saved) < MOST_SAVED:
                self.saved.append(save(smaller(one), f"seed-{self.seed}-{len(self.saved)}"))
        self.done += AT_ONCE
        if self.done % (AT_ONCE * 16) == 0:
            self.store()
