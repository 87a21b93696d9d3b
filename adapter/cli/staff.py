"""What commands of the custodian's staff share: who records, of whom, until when, and mistakes told in words."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from adapter.cli.options import on_site
from adapter.errors import RequestError
from adapter.fhir.dates import interval
from adapter.services.authorities import Author

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import date
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from adapter.wired import Services

INVALID = 4
Result = TypeVar("Result")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PatientName = Annotated[
    str,
    typer.Argument(help="Id of a Patient, or FEED:NUMBER as the sender of a feed knows the person."),
]
By = Annotated[str, typer.Option("--by", help="Your name; it stands with what you record and in the ledger.")]
Key = Annotated[
    str | None,
    typer.Option("--request", help="A key of your own: the same command under the same key counts once."),
]
Words = Annotated[str, typer.Option("--words", help="Why, in your own words; kept with it and shown to nobody else.")]
Until = Annotated[str | None, typer.Option("--until", help="Last day, or a date and time with its offset.")]
From = Annotated[
    str | None, typer.Option("--from", help="First day, or a date and time with its offset; default is now.")
]


def on_site_told(folder: Path, work: Callable[[Services], Awaitable[Result]]) -> Result:
    """Run ``work`` on a site; what is wrong with the request itself is told in words, with exit code 4."""
    try:
        return on_site(folder, work)
    except RequestError as error:
        print(f"sallyport: {error}", file=sys.stderr)
        raise typer.Exit(INVALID) from None


def author(services: Services, name: str, request: str | None = None) -> Author:
    """A member of the custodian's staff; without a key of their own every command counts for itself."""
    if not name.strip():
        raise RequestError("say who records it: --by NAME", expression="by")
    return Author(name=f"staff {name.strip()}", request=request or services.new_id(), request_id=services.new_id())


def partner(services: Services, key: str) -> str:
    """The Organization of a partner by its key."""
    if key not in services.site.partners:
        expected = ", ".join(sorted(services.site.partners))
        raise RequestError(f"`{key}` is no partner of this site; expected one of {expected}", expression="partner")
    return f"Organization/{key}"


async def patient_id(services: Services, name: str) -> str:
    """The id of the Patient that somebody names; refused where no such record is held, because it was mistyped."""
    feed, colon, number = name.removeprefix("Patient/").partition(":")
    if colon and feed not in services.site.feeds:
        expected = ", ".join(sorted(services.site.feeds))
        raise RequestError(f"no feed `{feed}`; expected one of {expected}", expression="patient")
    ident = services.keys.resource_id(feed, "Patient", number) if colon else feed
    async with services.store.snapshot() as view:
        if await view.resource("Patient", ident) is None:
            raise RequestError(
                "no record of this person is held; give the id of a Patient, or FEED:NUMBER as the sender of the feed "
                "knows the person",
                expression="patient",
            )
    return ident


def first_instant(text: str | None, zone: ZoneInfo) -> int | None:
    """The start of a day, or an instant."""
    return None if text is None else _interval(text, zone, "from")[0]


def last_instant(text: str | None, zone: ZoneInfo) -> int | None:
    """The end of a day, or an instant."""
    if text is None:
        return None
    start, stop = _interval(text, zone, "until")
    return start if "T" in text else stop


def _interval(text: str, zone: ZoneInfo, name: str) -> tuple[int, int]:
    try:
        return interval(text, zone)
    except ValueError:
        raise RequestError(
            f"--{name} is no date; expected a day such as 2026-11-22, or 2026-11-22T12:00:00-07:00", expression=name
        ) from None


def local_day(instant: int, zone: ZoneInfo) -> date:
    """The day of an instant in the time zone of the site."""
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(zone).date()


def local(instant: int, zone: ZoneInfo) -> str:
    """An instant for people, to the minute, in the time zone of the site."""
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")
