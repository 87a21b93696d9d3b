"""`sallyport profiles`: what describes this software to others, as a file that FHIR tools install."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from adapter import assets
from adapter.cli.options import AsJson  # noqa: TC001 - typer reads the annotations
from adapter.rest.statements import of_roles
from adapter.services.conformance import conformance
from adapter.services.fhir_package import NAME, package
from adapter.services.profiles import shipped_validator
from adapter.services.site_rules import registry_of
from adapter.settings import load_site
from adapter.summary.loinc import PinnedList
from adapter.summary.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

ForSite = Annotated[
    Path | None,
    typer.Option("--site", help="A site folder, whose own instruments are then among the code systems."),
]
COLUMNS = ("type", "id", "title")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Profiles, terminology, search parameters and operations, for those who integrate.",
    )
    group.command("list", epilog="Example: sallyport profiles list --json")(list_)
    group.command("package", epilog="Example: sallyport profiles package --out sallyport.profiles.tgz")(package_)
    app.add_typer(group, name="profiles")


def list_(site: ForSite = None, as_json: AsJson = False) -> None:
    """List every resource that describes this software: its type, id and title."""
    rows = [
        {"type": one["resourceType"], "id": one["id"], "title": one.get("title", one["name"])}
        for one in described(site)
    ]
    if as_json:
        print(orjson.dumps(rows).decode())
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in COLUMNS:
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*(row[name] for name in COLUMNS))
    Console().print(table)


def package_(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="The file to write; NAME-VERSION.tgz in this folder unless given; - for standard output."
        ),
    ] = None,
    site: ForSite = None,
    as_json: AsJson = False,
) -> None:
    """Write the FHIR package (NPM form) that a vendor loads. The same version always gives the same bytes."""
    resources, own = described(site), version("sallyport")
    content = package(resources, version=own)
    if out is not None and str(out) == "-":
        sys.stdout.buffer.write(content)
        return
    target = out or Path(f"{NAME}-{own}.tgz")
    target.write_bytes(content)
    if as_json:
        told = {"file": str(target), "name": NAME, "version": own, "resources": len(resources), "bytes": len(content)}
        print(orjson.dumps(told).decode())
    else:
        print(f"{target}: {NAME}#{own}, {len(resources)} resources, {len(content):,} bytes")


def described(site: Path | None) -> Sequence[dict[str, Any]]:
    """Everything that describes this software, or one site of it."""
    if site is None:
        registry = Registry.load(assets.instruments(), PinnedList.load(assets.loinc()))
    else:
        registry = registry_of(load_site(site))
    found = [*conformance(shipped_validator().facts, registry), *of_roles(version("sallyport"))]
    return sorted(found, key=lambda one: (one["resourceType"], one["id"]))
