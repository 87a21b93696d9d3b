"""The site folder: one model for everything a county writes down, and the only place that reads the environment.

`site.toml` names the site; `partners.yaml` its organisations; `directory.yaml`, if there is one, places and clinicians
for everyone to see; `feeds/*.yaml`, `agreements/*.yaml`, `user_agreements/*.yaml`, `forms/*.yaml`, `overlays/*.yaml`,
`instruments/*.yaml` and `topics/*.yaml` one thing each. Every mistake is reported with file, key path and what was
expected, all of them at once. The keys of `site.toml` may be overridden by `SALLYPORT_*` variables
(`SALLYPORT_BASE_URL`).
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from adapter.directory import DirectorySection
from adapter.errors import ConfigurationError, Problem
from adapter.listening import NotifyEndpoint  # noqa: TC001 - pydantic reads it when the class is made
from adapter.pulled import Pull  # noqa: TC001 - pydantic reads it when the class is made
from adapter.registration import Client, Introspection, Key, NotifyHost, Outbound, writer_problems
from adapter.transports import Hl7Answers, MllpHost, MllpPort, Sftp, SftpHost, Watch

Regime = Literal["justice", "hipaa", "part2", "education"]
"""Legal regimes of a unit: a justice record, HIPAA (45 CFR 164), 42 CFR Part 2, FERPA (34 CFR 99)."""

WRITTEN = "fhir.rest"
"""Connector of a feed that a registered client writes over FHIR REST, resource by resource."""
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader, in C where libyaml is at hand."""
Model = TypeVar("Model", bound=BaseModel)


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):
        raise ValueError("expected an IANA time zone such as America/Denver") from None


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Asserters(_Section):
    """`[assert_basis.X]` of `site.toml`: whose access tokens may assert this basis."""

    partners: tuple[Key, ...] = ()
    clients: tuple[str, ...] = ()


class SiteSection(_Section):
    """`site.toml`."""

    name: str
    base_url: str = Field(pattern=r"^https?://[^\s/]+$")
    time_zone: Annotated[str, AfterValidator(_known_zone)]
    operator: Literal["business-associate", "qualified-service-organization", "intermediary", "member"]
    store: str = "data"
    token_minutes: int = Field(default=60, ge=1, le=24 * 60)
    overlays: tuple[Key, ...] = ()
    enabled: tuple[str, ...] = ()
    treatment_window_days: int = Field(default=365, ge=1, le=3 * 365)
    assertions_per_hour: int = Field(default=60, ge=1, le=10_000)
    assert_basis: dict[Annotated[str, Field(pattern=r"^[KJEOX]$")], Asserters] = {}
    mllp: MllpHost = MllpHost()
    sftp: SftpHost | None = None
    requests_per_minute: int = Field(default=6000, ge=1, le=1_000_000)
    introspection: Introspection | None = None
    outbound: Outbound = Outbound()


class Partner(_Section):
    """One organisation of `partners.yaml`; the key is its Organization id."""

    name: str
    entity: Literal[
        "covered-entity",
        "part2-program",
        "correctional-health",
        "court",
        "custody",
        "supervision",
        "pretrial",
        "defense",
        "prosecution",
        "law-enforcement",
        "exchange",
        "social-services",
        "managed-care",
        "vendor",
        "not-covered",
    ]
    part_of: Key | None = None
    intermediary: bool = False
    programme: Key | None = None
    contact: str = ""
    notify_hosts: tuple[NotifyHost, ...] = ()
    notify_endpoints: dict[Key, NotifyEndpoint] = {}


class PartnersSection(_Section):
    """`partners.yaml`."""

    partners: dict[Key, Partner] = Field(min_length=1)
    clients: dict[Key, Client] = {}


class Unit(_Section):
    """A unit of a feed: the organisation it is, and the regime its records stand under."""

    organization: Key
    regime: Regime


class Roster(_Section):
    """`roster` of a feed: what the absence of a booking from a whole list says, and how much of it is believed."""

    absence: Literal["nothing", "release"] = "nothing"
    most_released: int = Field(default=20, ge=1)
    most_share: float = Field(default=0.1, gt=0, le=1)
    most_unreadable: int = Field(default=0, ge=0)


class Feed(_Section):
    """`feeds/<name>.yaml`: who sends what, how it is read, and under which law each unit's records stand."""

    feed: Key
    title: str
    connector: str
    mapping: str = ""
    organization: Key
    system: Key | None = None
    client: Key | None = None
    encoding: str = "utf-8"
    time_zone: Annotated[str, AfterValidator(_known_zone)] | None = None
    units: dict[str, Unit] = Field(min_length=1)
    forms: tuple[Key, ...] = ()
    custody_hours: int | None = Field(default=None, ge=1, le=30 * 24)
    roster: Roster | None = None
    extract: str = ""
    post_megabytes: int = Field(default=64, ge=1, le=4096)
    hl7: Hl7Answers = Hl7Answers()
    mllp: MllpPort | None = None
    watch: Watch | None = None
    sftp: Sftp | None = None
    pull: Pull | None = None
    urgent_screens: bool = False
    establishes_treatment: bool | None = None
    settings: dict[str, str] = {}

    @model_validator(mode="after")
    def _one_way(self) -> Feed:
        if (self.connector == WRITTEN) is (self.client is None):
            raise ValueError(f"expected `client`, the software that writes, with `connector: {WRITTEN}` and no other")
        if (self.connector == WRITTEN) is bool(self.mapping):
            raise ValueError(f"expected `mapping` for every connector but `{WRITTEN}`, which reads FHIR as it is")
        if self.connector != WRITTEN and self.establishes_treatment is not None:
            raise ValueError(f"expected `establishes_treatment` with `connector: {WRITTEN}` alone: others need no say")
        return self

    @property
    def is_written(self) -> bool:
        """Whether its way in is FHIR REST: resources that a registered client writes one by one."""
        return self.client is not None

    @property
    def absence_releases(self) -> bool:
        """Whether who is no longer on this roster was released."""
        return self.roster is not None and self.roster.absence == "release"

    @property
    def records(self) -> str:
        """The source system whose records these are: the feed itself, or another one of it."""
        return self.system or self.feed


class Site(_Section):
    """A whole site folder. Agreements, forms and the like are kept as read: the consent package knows their schema."""

    folder: Path
    site: SiteSection
    partners: dict[str, Partner]
    directory: DirectorySection = DirectorySection()
    feeds: dict[str, Feed]
    agreements: dict[str, Any]
    forms: dict[str, Any]
    own_overlays: dict[str, Any] = {}
    own_instruments: dict[str, Any] = {}
    user_agreements: dict[str, Any] = {}
    clients: dict[str, Client] = {}
    own_topics: dict[str, Any] = {}

    @property
    def zone(self) -> ZoneInfo:
        """The custodian's time zone."""
        return ZoneInfo(self.site.time_zone)

    @property
    def store_folder(self) -> Path:
        """Where the embedded store keeps its files."""
        return self.folder / self.site.store


def load_site(folder: Path) -> Site:
    """Read and check a site folder; ``ConfigurationError`` lists everything that is wrong."""
    problems: list[Problem] = []
    site = _section(SiteSection, folder / "site.toml", problems, overrides=_environment())
    partners = _section(PartnersSection, folder / "partners.yaml", problems)
    feeds: dict[str, Feed] = {}
    for path in sorted((folder / "feeds").glob("*.yaml")):
        feed = _section(Feed, path, problems)
        if feed is not None:
            feeds[feed.feed] = feed
            if partners is not None:
                problems += _unknown_organizations(feed, path, partners)
    if site is not None and partners is not None:
        problems += _unknown_asserters(site, partners)
    directory: DirectorySection | None = DirectorySection()
    if (folder / "directory.yaml").exists():
        directory = _section(DirectorySection, folder / "directory.yaml", problems)
        if directory is not None and partners is not None:
            problems += directory.unknown(partners.partners.keys())
    if partners is not None:
        problems += _unknown_organizations_of_clients(partners)
        problems += writer_problems(
            [(one.feed, one.organization, one.client) for one in feeds.values()], partners.clients
        )
    problems += _foreign_systems(feeds)
    documents = {name: _documents(folder / name, problems) for name in ("agreements", "forms", "user_agreements")}
    own_overlays = _documents(folder / "overlays", problems)
    own_instruments = _documents(folder / "instruments", problems)
    own_topics = _documents(folder / "topics", problems)
    if not feeds and not problems:
        problems.append(
            Problem(
                where=str(folder / "feeds"),
                path="",
                message="no feed is declared",
                expected="a file feeds/<name>.yaml",
            )
        )
    if problems or site is None or partners is None or directory is None:
        raise ConfigurationError(problems)
    return Site(
        folder=folder,
        site=site,
        partners=partners.partners,
        directory=directory,
        clients=partners.clients,
        feeds=feeds,
        own_overlays=own_overlays,
        own_instruments=own_instruments,
        own_topics=own_topics,
        **documents,
    )


def _environment() -> dict[str, str]:
    names = {f"SALLYPORT_{name.upper()}": name for name in SiteSection.model_fields}
    return {names[key]: value for key, value in os.environ.items() if key in names}  # noqa: TID251 - the one place


def read_document(path: Path) -> Any:
    """One YAML or TOML document; ``ConfigurationError`` with the line where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".toml":
            return tomllib.loads(text)
        return yaml.load(text, Loader=LOADER)  # noqa: S506 - a safe loader
    except FileNotFoundError:
        problem = Problem(
            where=path.name,
            path="",
            message="the file is missing",
            expected=f"a file `{path.name}` in the site folder",
        )
    except (yaml.YAMLError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problem = Problem(
            where=path.name,
            path="",
            message=" ".join(str(error).split()),
            expected="well-formed YAML or TOML in UTF-8",
        )
    raise ConfigurationError([problem])


def check(model: type[BaseModel], document: Any, where: str) -> list[Problem]:
    """Every way in which ``document`` is not a ``model``, as problems with key paths and valid values."""
    try:
        model.model_validate(document)
    except ValidationError as error:
        return [problem for detail in error.errors() for problem in _problems(where, detail)]
    return []


def _problems(where: str, detail: Any) -> list[Problem]:
    """One finding as problems. What a model finds about several of its parts names their key paths itself."""
    faults = detail.get("ctx", {}).get("faults")
    if faults is None:
        return [_problem(where, detail)]
    return [Problem(where=where, path=path, message=message, expected=expected) for path, message, expected in faults]


def _problem(where: str, detail: Any) -> Problem:
    path = ""
    for part in detail["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    context = detail.get("ctx", {})
    expected = str(context.get("expected", context.get("pattern", context.get("error", ""))))
    return Problem(where=where, path=path, message=detail["msg"].lower(), expected=expected)


def _section(
    model: type[Model], path: Path, problems: list[Problem], overrides: dict[str, str] | None = None
) -> Model | None:
    try:
        document = read_document(path)
    except ConfigurationError as error:
        problems += error.problems
        return None
    if isinstance(document, dict) and overrides:
        document = {**document, **overrides}
    found = check(model, document, f"{path.parent.name}/{path.name}" if path.parent.name == "feeds" else path.name)
    problems += found
    return None if found else model.model_validate(document)


def _unknown_organizations(feed: Feed, path: Path, partners: PartnersSection) -> list[Problem]:
    named = {"organization": feed.organization} | {
        f"units.{key}.organization": unit.organization for key, unit in feed.units.items()
    }
    return [
        Problem(
            where=f"feeds/{path.name}",
            path=key,
            message=f"`{name}` is not a partner",
            expected=", ".join(sorted(partners.partners)),
        )
        for key, name in named.items()
        if name not in partners.partners
    ]


def _foreign_systems(feeds: dict[str, Feed]) -> list[Problem]:
    """Feeds that would write the records of somebody else's."""
    found = []
    for feed in feeds.values():
        same = [one for one in feeds.values() if one.organization == feed.organization]
        own = sorted(one.feed for one in same if one.records == one.feed)
        if feed.system is not None and feed.system not in own:
            message = f"`{feed.system}` is no feed of `{feed.organization}` that stands for its own records"
            where = f"feeds/{feed.feed}.yaml"
            found.append(Problem(where=where, path="system", message=message, expected=", ".join(own) or "no `system`"))
    return found


def _unknown_asserters(site: SiteSection, partners: PartnersSection) -> list[Problem]:
    return [
        Problem(
            where="site.toml",
            path=f"assert_basis.{basis}.partners",
            message=f"`{name}` is not a partner",
            expected=", ".join(sorted(partners.partners)),
        )
        for basis, asserters in site.assert_basis.items()
        for name in asserters.partners
        if name not in partners.partners
    ]


def _unknown_organizations_of_clients(partners: PartnersSection) -> list[Problem]:
    return [
        Problem(
            where="partners.yaml",
            path=f"clients.{key}.organizations",
            message=f"`{name}` is not a partner",
            expected=", ".join(sorted(partners.partners)),
        )
        for key, client in partners.clients.items()
        for name in client.organizations
        if name not in partners.partners
    ]


def _documents(folder: Path, problems: list[Problem]) -> dict[str, Any]:
    documents = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            documents[f"{folder.name}/{path.name}"] = read_document(path)
        except ConfigurationError as error:
            problems += error.problems
    return documents
