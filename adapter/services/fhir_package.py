"""A FHIR package: the resources that describe this software in one file that FHIR tools install.

The bytes follow from the content alone: names sorted, no times, no owners. Built twice, the file is the same.

https://hl7.org/fhir/packages.html and https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any, Final

from adapter.services.conformance import RELEASED
from adapter.summary.vocabulary import CANONICAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Resource = Mapping[str, Any]

NAME: Final = "sallyport.profiles"
TITLE: Final = "Sallyport: consented screening summaries"
FHIR: Final = "4.0.1"
DEPENDENCIES: Final = {"hl7.fhir.r4.core": FHIR, "hl7.fhir.us.core": "7.0.0"}
_INDEXED: Final = ("resourceType", "id", "url", "version", "kind", "type")
_MODE: Final = 0o644


def package(resources: Iterable[Resource], *, version: str) -> bytes:
    """The file (a gzipped tar) with the resources, their index and a manifest; ``version`` is that of the package."""
    listed = sorted(resources, key=lambda one: (one["resourceType"], one["id"]))
    listed = [guide(listed, version=version), *listed]
    files = {f"{one['resourceType']}-{one['id']}.json": one for one in listed}
    written = {name: _json(content) for name, content in files.items()}
    written[".index.json"] = _json({"index-version": 1, "files": [_entry(*item) for item in sorted(files.items())]})
    written["package.json"] = _json(manifest(version))
    return _tar({f"package/{name}": content for name, content in written.items()})


def manifest(version: str) -> dict[str, Any]:
    """``package.json``."""
    return {
        "name": NAME,
        "version": version,
        "canonical": CANONICAL,
        "title": TITLE,
        "description": "Profiles, terminology, search parameters, operations and statements of Sallyport.",
        "type": "fhir.ig",
        "author": "Sallyport",
        "license": "Apache-2.0",
        "fhirVersions": [FHIR],
        "dependencies": DEPENDENCIES,
        "directories": {"lib": "package"},
    }


def guide(resources: Sequence[Resource], *, version: str) -> dict[str, Any]:
    """The ImplementationGuide that lists what a package holds."""
    return {
        "resourceType": "ImplementationGuide",
        "id": NAME,
        "url": f"{CANONICAL}/ImplementationGuide/{NAME}",
        "version": version,
        "name": "SallyportProfiles",
        "title": TITLE,
        "status": "active",
        "date": RELEASED,
        "publisher": "Sallyport",
        "packageId": NAME,
        "license": "Apache-2.0",
        "fhirVersion": [FHIR],
        "dependsOn": [
            {
                "id": "uscore",
                "uri": "http://hl7.org/fhir/us/core/ImplementationGuide/hl7.fhir.us.core",
                "packageId": "hl7.fhir.us.core",
                "version": DEPENDENCIES["hl7.fhir.us.core"],
            }
        ],
        "definition": {
            "resource": [
                {
                    "reference": {"reference": f"{one['resourceType']}/{one['id']}"},
                    "name": one.get("title", one["name"]),
                }
                for one in resources
            ]
        },
    }


def _entry(name: str, resource: Resource) -> dict[str, str]:
    found = {key: resource[key] for key in _INDEXED if key in resource}
    return {"filename": name, **{key: value for key, value in found.items() if isinstance(value, str)}}


def _json(content: Resource) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def _tar(files: Mapping[str, bytes]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        # The manifest first, as npm writes it; tools that stream a package read it before all else.
        for name in sorted(files, key=lambda one: (one != "package/package.json", one)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(files[name]), _MODE
            archive.addfile(entry, io.BytesIO(files[name]))
    return gzip.compress(plain.getvalue(), compresslevel=9, mtime=0)
