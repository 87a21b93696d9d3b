"""`sallyport demo`: the fictional county, end to end."""

from __future__ import annotations

import shlex
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.assets import copy_fictional_county
from adapter.bootstrap import build
from adapter.cli.explain import print_explanation
from adapter.cli.feeds import files_of, run_file, show
from adapter.cli.options import bar, run_loop
from adapter.cli.server import listen
from adapter.cli.tokens import issue
from adapter.errors import NotFound, SallyportError
from adapter.fhir.search import parse_query
from adapter.fictional.county import write_county
from adapter.fictional.truth import read as read_truth
from adapter.machine import clock
from adapter.services.access import Wanted
from adapter.settings import load_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from adapter.services.disclose import Caller
    from adapter.wired import Services

PURPOSE_HEADER = "X-Purpose-Of-Use"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One resource that a recipient may read for one of its purposes and not for another."""

    recipient: str
    permitted: str
    denied: str
    target: str


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: sallyport demo --once --people 200")(demo)


def demo(
    once: Annotated[bool, typer.Option("--once", help="Print the report and end, without serving.")] = False,
    port: Annotated[int, typer.Option("--port", help="Port of the server.")] = 8080,
    people: Annotated[
        int, typer.Option("--people", min=1, max=1_000_000, help="How many people live in the county.")
    ] = 200,
    seed: Annotated[int, typer.Option("--seed", help="Another seed makes another county.")] = 1,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Keep the site here; default is a temporary folder.")
    ] = None,
) -> None:
    """Build the fictional county, ingest every feed, show one permitted and one denied question, then serve."""
    with tempfile.TemporaryDirectory(prefix="sallyport-") as temporary:
        run_loop(_demo(folder or Path(temporary) / "county", people=people, seed=seed, port=port, once=once))


async def _demo(folder: Path, *, people: int, seed: int, port: int, once: bool) -> None:
    copy_fictional_county(folder)
    site = load_site(folder)
    site = site.model_copy(update={"site": site.site.model_copy(update={"base_url": f"http://127.0.0.1:{port}"})})
    extracts = folder / "extracts"
    as_of = clock_in(site.zone)
    with bar(f"building {site.site.name}", "people", people) as advance:
        write_county(extracts, people=people, seed=seed, as_of=as_of, progress=lambda count: advance(count, count))
    services = await build(site)
    try:
        reports = [
            await run_file(services, feed.feed, path)
            for feed in site.feeds.values()
            if not feed.is_written
            for path in files_of([extracts / feed.extract])
        ]
        show(reports, as_json=False)
        await _show_pair(services, await _pair(services, extracts), port)
        if not once:
            print(f"\nserving on http://127.0.0.1:{port}/fhir (site folder {folder}); stop with Ctrl-C")
            await listen(services, host="127.0.0.1", port=port)
    finally:
        await services.store.close()


def candidates(extracts: Path) -> Iterator[tuple[str, str, str, str, str]]:
    """(feed, source record, recipient, permitted purpose, denied purpose) from the county's answer sheet."""
    for person in read_truth(extracts / "truth.ndjson"):
        for (recipient, purpose), screenings in person.permitted.items():
            for place in screenings:
                feed = person.screenings[place].feed
                for (other, denied), others in person.permitted.items():
                    if other == recipient and place not in others:
                        for record in person.records.get(feed, ()):
                            yield feed, record, recipient, purpose, denied


async def _pair(services: Services, extracts: Path) -> Pair:
    """Ask the running system for the first pair of the answer sheet that it answers as the sheet says."""
    for feed, record, recipient, permitted, denied in candidates(extracts):
        patient = services.keys.resource_id(feed, "Patient", record)
        asked = [("patient", f"Patient/{patient}"), ("category", "survey")]
        query = parse_query("Observation", asked, base_url=services.base_url, zone=services.zone)
        page = await services.disclosure.search(await _caller(services, recipient, permitted), query)
        for served in page.served:
            try:
                await services.disclosure.read(await _caller(services, recipient, denied), served.type, served.id)
            except NotFound:
                return Pair(
                    recipient=recipient,
                    permitted=permitted,
                    denied=denied,
                    target=f"{served.type}/{served.id}",
                )
    raise SallyportError("no recipient may read a summary for one purpose and not for another; try more --people")


async def _caller(services: Services, recipient: str, purpose: str) -> Caller:
    token = await issue(services, Wanted(recipient=recipient, purposes=[purpose]), client="demo", minutes=5)
    return await services.requester.caller([(b"authorization", f"Bearer {token}".encode())], services.new_id())


async def _show_pair(services: Services, pair: Pair, port: int) -> None:
    wanted = Wanted(recipient=pair.recipient, purposes=[pair.permitted, pair.denied])
    token = await issue(services, wanted, client="demo")
    url = f"http://127.0.0.1:{port}/fhir/{pair.target}"
    for word, purpose in (("permitted", pair.permitted), ("denied", pair.denied)):
        headers = [f"Authorization: Bearer {token}", f"{PURPOSE_HEADER}: {purpose}"]
        options = " ".join(f"-H {shlex.quote(header)}" for header in headers)
        print(f"\n{word}:\n  curl -i {options} {url}")
    print("\nwhy the second is denied (for the county's own people; a requester only ever sees 404):")
    explanation = await services.explain.resource(f"Organization/{pair.recipient}", pair.denied, pair.target)
    print_explanation(explanation)


def clock_in(zone: ZoneInfo) -> datetime:
    """Now, in a time zone."""
    return datetime.fromtimestamp(clock() / 1_000_000, tz=zone)
