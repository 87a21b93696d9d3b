"""Writes the reference pages that follow from the code: commands, keys of a site folder, what is searched, profiles.

python docs/generate.py            write commands.md, site-folder.md, search.md and profiles.md in docs/reference
python docs/generate.py --check    exit 1 if they are not what would be written
"""  # noqa: INP001 - a script, not a package

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import typer
import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from adapter import assets  # noqa: E402
from adapter.cli import app  # noqa: E402
from adapter.connected import CONNECTORS  # noqa: E402
from adapter.consent.agreement_spec import (  # noqa: E402
    Agreement,
    Amendment,
    Counsel,
    DataUse,
    Direction,
    Enablement,
    Grant,
    QualifiedService,
    Section,
    Signatory,
    Subcontractors,
)
from adapter.consent.agreement_user import UserAgreement  # noqa: E402
from adapter.consent.release_form import Form, Intermediary, Part2Section, Statements  # noqa: E402
from adapter.directory import Address, Clinician, Contact, DirectorySection, Place, Role  # noqa: E402
from adapter.fhir.criteria import modifiers  # noqa: E402
from adapter.fhir.parameters import PARAMETERS  # noqa: E402
from adapter.fhir.results import offered_includes, offered_revincludes, sorts  # noqa: E402
from adapter.listening import AlertsEndpoint, Hl7Endpoint  # noqa: E402
from adapter.pulled import Pull  # noqa: E402
from adapter.registration import Client, Introspection, Outbound  # noqa: E402
from adapter.rest.offered import CONFORMANCE, ROLES  # noqa: E402
from adapter.settings import (  # noqa: E402
    Asserters,
    Feed,
    Partner,
    Roster,
    SiteSection,
    Unit,
    read_document,
)
from adapter.subscription.topic import Ahead, TopicSpec, TriggerSpec  # noqa: E402
from adapter.transports import Hl7Answers, MllpHost, MllpPort, MllpSender, Sftp, SftpHost, Watch  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

COUNTY = ROOT / "mappings" / "fictional_county"
EXAMPLES = ROOT / "docs" / "examples"
"""What the fictional county cannot have, since it has no certificates and listens to nobody else."""
SECTIONS: tuple[tuple[str, type[BaseModel], str, str], ...] = (
    ("site.toml", SiteSection, "site.toml", ""),
    ("site.toml, who may assert a basis", Asserters, "site.toml", "assert_basis.*"),
    ("site.toml, where HL7 v2 is listened for", MllpHost, "site.toml", "mllp"),
    ("site.toml, where partners put files by SFTP", SftpHost, "site.toml", "sftp"),
    ("site.toml, another authorization server", Introspection, "site.toml", "introspection"),
    ("site.toml, what this server may reach", Outbound, "site.toml", "outbound"),
    ("partners.yaml, each partner", Partner, "partners.yaml", "partners.*"),
    ("directory.yaml", DirectorySection, "directory.yaml", ""),
    ("directory.yaml, an address", Address, "directory.yaml", "addresses.*"),
    ("directory.yaml, a contact", Contact, "directory.yaml", "contacts.*"),
    ("directory.yaml, each location", Place, "directory.yaml", "locations.*"),
    ("directory.yaml, each practitioner", Clinician, "directory.yaml", "practitioners.*"),
    ("directory.yaml, each role", Role, "directory.yaml", "roles.*"),
    ("partners.yaml, each client", Client, "partners.yaml", "clients.*"),
    ("partners.yaml, each HL7 v2 receiver", Hl7Endpoint, "partners.yaml", "partners.*.notify_endpoints.medical"),
    ("partners.yaml, each place for alerts", AlertsEndpoint, "partners.yaml", "partners.*.notify_endpoints.*"),
    ("topics/*.yaml", TopicSpec, "topics/*.yaml", ""),
    ("topics/*.yaml, each trigger", TriggerSpec, "topics/*.yaml", "triggers.*"),
    ("topics/*.yaml, an event by time", Ahead, "topics/*.yaml", "triggers.*.ahead"),
    ("feeds/*.yaml", Feed, "feeds/*.yaml", ""),
    ("feeds/*.yaml, a roster", Roster, "feeds/*.yaml", "roster"),
    ("feeds/*.yaml, each unit", Unit, "feeds/*.yaml", "units.*"),
    ("feeds/*.yaml, the server it is fetched from", Pull, "feeds/*.yaml", "pull"),
    ("feeds/*.yaml, how HL7 v2 is answered", Hl7Answers, "feeds/*.yaml", "hl7"),
    ("feeds/*.yaml, its MLLP port", MllpPort, "feeds/*.yaml", "mllp"),
    ("feeds/*.yaml, each sender of a port", MllpSender, "feeds/*.yaml", "mllp.senders.*"),
    ("feeds/*.yaml, a watched folder", Watch, "feeds/*.yaml", "watch"),
    ("feeds/*.yaml, a folder of another host", Sftp, "feeds/*.yaml", "sftp"),
    ("agreements/*.yaml", Agreement, "agreements/*.yaml", ""),
    ("agreements/*.yaml, each grant", Grant, "agreements/*.yaml", "grants.*"),
    ("agreements/*.yaml, each direction", Direction, "agreements/*.yaml", "directions.*"),
    ("agreements/*.yaml, each signatory", Signatory, "agreements/*.yaml", "signatories.*"),
    ("agreements/*.yaml, each amendment", Amendment, "agreements/*.yaml", "amendments.*"),
    ("agreements/*.yaml, each section", Section, "agreements/*.yaml", "sections.*"),
    ("agreements/*.yaml, counsel", Counsel, "agreements/*.yaml", "counsel"),
    ("agreements/*.yaml, each enablement", Enablement, "agreements/*.yaml", "counsel.part2_under_general_release.*"),
    ("agreements/*.yaml, a contract with a vendor", DataUse, "agreements/hosting*.yaml", ""),
    ("agreements/*.yaml, subcontractors of a contract", Subcontractors, "agreements/*.yaml", "subcontractors"),
    ("agreements/*.yaml, a qualified service", QualifiedService, "agreements/*.yaml", "qualified_service"),
    ("user_agreements/*.yaml", UserAgreement, "user_agreements/*.yaml", ""),
    ("forms/*.yaml", Form, "forms/*.yaml", ""),
    ("forms/*.yaml, the statements", Statements, "forms/*.yaml", "statements"),
    ("forms/*.yaml, the Part 2 section", Part2Section, "forms/*.yaml", "part2"),
    ("forms/*.yaml, each intermediary", Intermediary, "forms/*.yaml", "intermediaries.*"),
)
"""Heading, model, files and place in them of every section."""
WORDS: dict[str, dict[str, str]] = yaml.safe_load((ROOT / "docs" / "site-keys.yaml").read_text(encoding="utf-8"))
"""What each key means, by the name of its model."""
PLAIN = {str: "text", int: "number", bool: "`true`, `false`", types.NoneType: "null", Any: "anything"}
NAMES = {(Feed, "connector"): ", ".join(f"`{name}`" for name in sorted(CONNECTORS))}
"""Values that are known by other means than the type of the field."""
_NAMED = 2
"""Keys of a row that says nothing: its id and its path."""
LONGEST = 60
"""Characters of an example."""


def commands() -> str:
    """The page of commands."""
    lines = [
        "# Commands",
        "",
        "`sallyport COMMAND …`, also `python -m adapter COMMAND …`. `sallyport COMMAND --help` says the same.",
        "",
        "| exit code | meaning |",
        "|---|---|",
        "| 0 | done; for `explain` the answer is PERMIT, for `whatif` nothing would change |",
        "| 1 | failure: told in words on standard error; a feed that takes nothing in now |",
        "| 2 | wrong usage |",
        "| 3 | the answer is DENY (`explain`), no signature counts (`user-agreement status`), less passes (`whatif`) |",
        "| 4 | invalid input: a file of the site, a feed that is not declared, a line that is no case |",
        "| 5 | something would newly be released (`whatif`) |",
        "",
        "Results go to standard output, everything else to standard error. Where work is long, a terminal shows a",
        "progress bar. `--json` prints one JSON document for programs.",
    ]
    for name, command in sorted(called(typer.main.get_command(app))):
        lines += ["", *_command(name, command)]
    return "\n".join(lines) + "\n"


def search() -> str:
    """The page of searches: what stands in docs/search.md, then the tables of every type."""
    lines = [(ROOT / "docs" / "search.md.in").read_text(encoding="utf-8").rstrip()]
    for kind in sorted(PARAMETERS):
        lines += ["", f"### {kind}", "", "| parameter | kind | elements | modifiers |", "|---|---|---|---|"]
        for parameter in PARAMETERS[kind].values():
            paths = ", ".join(f"`{path}`" for path in parameter.paths) or "every resource has it"
            taken = ", ".join(f"`:{modifier}`" for modifier in modifiers(parameter))
            kind_of = "canonical" if parameter.canonical else parameter.kind
            lines.append(f"| `{parameter.name}` | {kind_of} | {paths} | {taken} |")
        brought = [("_include", offered_includes(kind)), ("_revinclude", offered_revincludes(kind))]
        lines += ["", f"`_sort`: {', '.join(f'`{key}`' for key in sorts(kind))}."]
        lines += [f"`{name}`: {', '.join(f'`{one}`' for one in offered)}." for name, offered in brought if offered]
    return "\n".join(lines) + "\n"


def called(command: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Every command with the words it is called by; those of a group after the name of the group."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(path), command
        return
    for name, one in inner.items():
        yield from called(one, *path, name)


def _command(name: str, command: Any) -> Iterator[str]:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    shown = " ".join(_synopsis(parameter) for parameter in (*options, *arguments))
    yield from (
        f"## {name}",
        "",
        *command.help.strip().splitlines(),
        "",
        "```sh",
        f"sallyport {name} {shown}",
        "```",
        "",
    )
    yield from ("| | | default |", "|---|---|---|")
    for parameter in (*arguments, *options):
        called = parameter.name.upper() if parameter in arguments else ", ".join(parameter.opts)
        default = "" if parameter.default in (None, False) or parameter.required else f"`{parameter.default}`"
        wanted = "required" if parameter.required else default
        yield f"| `{called}` | {parameter.help} | {wanted} |"
    yield ""
    label, _, examples = command.epilog.partition(": ")
    yield f"{label}:"
    yield from ("", "```sh", *(line.strip() for line in examples.split("   |   ")), "```")


def _synopsis(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        text = parameter.name.upper() + ("…" if parameter.nargs == -1 else "")
    else:
        text = parameter.opts[0] + ("" if parameter.is_flag else f" {parameter.name.upper()}")
        text += "…" if parameter.multiple else ""
    return text if parameter.required else f"[{text}]"


def site_folder() -> str:
    """The page of keys."""
    lines = [
        "# The site folder",
        "",
        "One folder holds everything a county writes down. Every key is checked before anything runs: a key that is",
        "not listed here is refused, and every mistake is told with file, key path and what was expected. Check a",
        "folder with `sallyport validate --site DIR`. The examples are those of the fictional county in",
        "`mappings/fictional_county`.",
        "",
        "```",
        "site.toml            the installation",
        "partners.yaml        the organisations that send or ask, and the software that asks for them",
        "feeds/*.yaml         one extract each: who sends it, how it is read, under which law its units stand",
        "agreements/*.yaml    who may receive what, for which purposes, on which bases: the upper bound of every",
        "                     disclosure; contracts with vendors, and the feeds they keep open",
        "user_agreements/     *.yaml, one version each of what users sign before they may ask",
        "forms/*.yaml         one version of a release form each",
        "overlays/*.yaml      a jurisdiction overlay of the county's own: see the page on legal bases",
        "instruments/*.yaml   screening instruments of the county's own: see the page on adding one",
        "mappings/*.yaml      from columns, segments and elements to FHIR: see the mapping language",
        "site.key             the secret behind every id, made on first use; losing it changes every id: back it up",
        "data/                the embedded store",
        "```",
        "",
        "The keys of `site.toml` may be overridden by environment variables: `SALLYPORT_BASE_URL` for `base_url`.",
        "The file format of `mappings/` is a page of its own: [the mapping language](mapping-language.md).",
    ]
    for heading, model, pattern, place in SECTIONS:
        lines += ["", f"## {heading}", "", *_explained(model), "", *_keys(model, pattern, place)]
    return "\n".join(lines) + "\n"


def _explained(model: type[BaseModel]) -> list[str]:
    return [WORDS[model.__name__]["about"]]


def _keys(model: type[BaseModel], pattern: str, place: str) -> Iterator[str]:
    yield from ("| key | meaning | values | default | example |", "|---|---|---|---|---|")
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else f"`{_text(_default(field))}`"
        cells = (
            f"`{name}`",
            WORDS[model.__name__][name],
            values(field.annotation),
            default,
            example(pattern, place, name),
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: FieldInfo) -> Any:
    if isinstance(field.default, BaseModel):
        return field.default.model_dump(mode="json")
    return None if field.default is PydanticUndefined else field.default


def values(kind: Any) -> str:
    """What a field may hold, in words: the alternatives of a choice, lists and tables of them."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is None:
        section = isinstance(kind, type) and issubclass(kind, BaseModel)
        return "sections below" if section else PLAIN.get(kind, kind.__name__)
    if origin is Literal:
        return ", ".join(f"`{_text(value)}`" for value in inside)
    if origin in {Union, types.UnionType}:
        return " or ".join(dict.fromkeys(values(one) for one in inside))
    words = {Annotated: "{}", tuple: "list of {}", list: "list of {}", dict: "table of {}"}[origin]
    return words.format(values(inside[1] if origin is dict else inside[0]))


def example(pattern: str, place: str, name: str) -> str:
    """The first value of a key in the fictional county, else in the examples, in one line."""
    for path in (*sorted(COUNTY.glob(pattern)), *sorted(EXAMPLES.glob(pattern))):
        for section in _sections(read_document(path), place.split(".") if place else []):
            if name in section:
                text = _text(section[name])
                return f"`{text}`" if len(text) <= LONGEST else f"`{text[: LONGEST - 1].rstrip()}…`"
    return "not used there"


def _sections(document: Any, place: list[str]) -> Iterator[dict[str, Any]]:
    if not place:
        if isinstance(document, dict):
            yield document
        return
    first, *rest = place
    if first == "*":
        for one in document.values() if isinstance(document, dict) else document:
            yield from _sections(one, rest)
    elif document.get(first) is not None:
        yield from _sections(document[first], rest)


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        value = list(value)
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    return text.removesuffix("...\n").strip()


def profiles() -> str:
    """The page of profiles, terminology, operations and roles."""
    kept = sorted(assets.conformance().values(), key=lambda one: (one["resourceType"], one["id"]))
    of = {kind: [one for one in kept if one["resourceType"] == kind] for kind in CONFORMANCE}
    lines = (ROOT / "docs" / "profiles.md.in").read_text(encoding="utf-8").splitlines()
    for one in (one for one in of["StructureDefinition"] if one["type"] != "Extension"):
        lines += ["", f"### {one['title']}", "", f"`{one['url']}` on {one['type']}", "", one["description"], ""]
        if one["baseDefinition"].rpartition("/")[2] != one["type"]:
            lines += [f"It asks all that `{one['baseDefinition']}` asks, and:", ""]
        rows = [row for row in one["differential"]["element"] if len(row) > _NAMED]
        never = ", ".join(f"`{row['id'].partition('.')[2]}`" for row in rows if row.get("max") == "0")
        lines += ["| Element | How often | What else |", "|---|---|---|"]
        lines += [f"| `{row['id']}` | {_often(row)} | {_ruled(row)} |" for row in rows if row.get("max") != "0"]
        lines += ["", f"Left out: {never}."] if never else []
    lines += ["", "## Extensions", "", "| Extension | Stands on | What it says |", "|---|---|---|"]
    for one in (one for one in of["StructureDefinition"] if one["type"] == "Extension"):
        where = ", ".join(f"`{entry['expression']}`" for entry in one["context"])
        lines.append(f"| `{one['id']}` | {where} | {one['description']} |")
    for kind in ("CodeSystem", "ValueSet", "ConceptMap", "OperationDefinition"):
        lines += ["", f"## {kind}s", "", f"| {kind} | What it is |", "|---|---|"]
        lines += [f"| `{one['id']}` | {one.get('description', one['title'])} |" for one in of[kind]]
    lines += ["", "## Roles", "", "| CapabilityStatement | Whose |", "|---|---|"]
    lines += [f"| `{role}` | {told.about} |" for role, told in ROLES.items()]
    return "\n".join(lines) + "\n"


def _often(row: dict[str, Any]) -> str:
    bounds = (("at least", row.get("min")), ("at most", row.get("max")))
    return ", ".join(f"{word} {number}" for word, number in bounds if number)


def _ruled(row: dict[str, Any]) -> str:
    told = []
    for name, value in row.items():
        if name.startswith(("pattern", "fixed")):
            codes = (
                [f"`{one['code']}`" for one in value["coding"]] if isinstance(value, dict) and "coding" in value else []
            )
            told.append(" and ".join(codes) or f"`{_text(value)}`")
    told += [f"to {url.rpartition('/')[2]}" for one in row.get("type", ()) for url in one.get("targetProfile", ())]
    if any("targetProfile" not in one for one in row.get("type", ())):
        told.append("as " + " or ".join(one["code"] for one in row["type"]))
    if "binding" in row:
        told.append(f"codes of `{row['binding']['valueSet'].rpartition('/')[2]}` ({row['binding']['strength']})")
    told += [f"{one['key']}: {one['human']}" for one in row.get("constraint", ())]
    told += [row["comment"]] if "comment" in row else []
    return "; ".join(told) or ("supported" if row.get("mustSupport") else "")


PAGES = {"commands.md": commands, "site-folder.md": site_folder, "search.md": search, "profiles.md": profiles}


def main() -> int:
    """Write the pages, or compare them."""
    stale = []
    for name, make in PAGES.items():
        path = ROOT / "docs" / "reference" / name
        if not path.exists() or path.read_text(encoding="utf-8") != make():
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(make(), encoding="utf-8")
    sys.stdout.write(f"{', '.join(stale) or 'nothing'} {'is stale' if '--check' in sys.argv else 'written'}\n")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
