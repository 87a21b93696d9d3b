"""A backup is a folder: the store sealed record by record, its ledger, the documents of the site, a manifest last.

Without its manifest a folder is no backup, so that one that was cut short is never taken for one. The secret of the
site is in it only when it is asked for: whoever has both has everything. The manifest tells which secret belongs to it,
and the head of the disclosure ledger, so that a restored ledger is known to be the one that was kept.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from hashlib import blake2b, file_digest
from typing import TYPE_CHECKING, Any, Final

import orjson

from adapter.errors import SallyportError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FORMAT: Final = 2
IN_THE_CLEAR: Final = 1
"""The format of earlier versions, which is still read: copies of the files of the store."""
MANIFEST: Final = "manifest.json"
STORE: Final = "store"
DOCUMENTS: Final = "documents"
KEY: Final = "site.key"
_WRITTEN: Final = frozenset({".yaml", ".yml", ".toml", ".json"})
"""Kinds of documents that a county writes; whatever else lies in a site folder is not copied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds: files by name with size and SHA-256, and what it was taken of.

    ``secret`` is a fingerprint of the secret of the site, ``head`` the digest of the last of ``entries`` of the ledger.
    ``keys`` names the keys that it was sealed with, ``generation`` how often some of these had been destroyed by then,
    ``backup`` is a random name of its own. ``mac`` is made of everything else with a key of these: whoever changes a
    backup and its manifest is noticed. One of an earlier version has none of them.
    """

    taken: str
    version: str
    secret: str
    entries: int
    head: str
    schemas: Mapping[str, int]
    files: Mapping[str, tuple[int, str]]
    backup: str = ""
    keys: str = ""
    generation: int = 0
    mac: str = ""

    @property
    def sealed(self) -> bool:
        """Whether what belongs to records is sealed in it."""
        return bool(self.backup)

    def written(self) -> bytes:
        """As it stands in the folder."""
        told = {name: getattr(self, name) for name in self.__slots__} | {"format": FORMAT}
        return orjson.dumps(told, option=orjson.OPT_INDENT_2)

    def authenticated(self, key: bytes) -> str:
        """What ``mac`` has to be."""
        told = {name: getattr(self, name) for name in self.__slots__ if name != "mac"}
        return blake2b(
            orjson.dumps(told, option=orjson.OPT_SORT_KEYS), digest_size=32, key=key, person=b"manifest"
        ).hexdigest()

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """That of a folder; ``SallyportError`` if it is no backup, or not one that this version reads."""
        try:
            told: dict[str, Any] = orjson.loads((folder / MANIFEST).read_bytes())
        except FileNotFoundError:
            raise SallyportError(
                f"`{folder}` has no {MANIFEST}: it is no backup, or was cut short; take another"
            ) from None
        except orjson.JSONDecodeError as error:
            raise SallyportError(f"`{folder / MANIFEST}` cannot be read; take another backup") from error
        form = told.pop("format", None)
        if form not in {FORMAT, IN_THE_CLEAR} or (form == FORMAT) != bool(told.get("backup")):
            raise SallyportError(f"`{folder}` was made by another version that writes another format")
        files = {name: (size, digest) for name, (size, digest) in told.pop("files").items()}
        return cls(files=files, **told)


def fingerprint(secret: bytes) -> str:
    """What tells one secret from another and does not tell the secret."""
    return blake2b(digest_size=8, key=secret, person=b"fingerprint").hexdigest()


def free_for_backup(folder: Path) -> None:
    """Make ``folder`` ready; what a cut-short backup left is removed, anything else in it stops us."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {path.name for path in folder.iterdir()}
    if MANIFEST in found:
        raise SallyportError(f"`{folder}` holds a backup already; name another folder")
    if found - {STORE, DOCUMENTS, KEY, f"{MANIFEST}.part"}:
        raise SallyportError(f"`{folder}` holds other files; name a folder that is empty or is not there yet")
    for name in (STORE, DOCUMENTS):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / KEY).unlink(missing_ok=True)


def copy_documents(site: Path, target: Path, *, without: Path) -> None:
    """Copy what the county wrote into ``target``; nothing below ``without``, the folder of the store."""
    for path in sorted(site.rglob("*")):
        if path.suffix in _WRITTEN and path.is_file() and without not in path.parents:
            place = target / path.relative_to(site)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


def files_of(folder: Path) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of every file but the manifest, by its name in the folder."""
    return {str(path.relative_to(folder)): _size_and_digest(path) for path in _files(folder)}


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(MANIFEST))


def _size_and_digest(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, file_digest(file, "sha256").hexdigest()


def seal(folder: Path, manifest: Manifest) -> None:
    """Make everything durable, then write the manifest in one step: now it is a backup."""
    for path in (*_files(folder), *(one for one in folder.rglob("*") if one.is_dir()), folder):
        _sync(path)
    part = folder / f"{MANIFEST}.part"
    part.write_bytes(manifest.written())
    _sync(part)
    part.replace(folder / MANIFEST)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check(folder: Path) -> Manifest:
    """The manifest of a backup every file of which is as it was; ``SallyportError`` names the one that is not."""
    manifest = Manifest.read(folder)
    found = files_of(folder)
    for name, told in manifest.files.items():
        if found.get(name) != told:
            raise SallyportError(
                f"`{name}` of this backup is {'missing' if name not in found else 'not as it was written'}"
            )
    if more := sorted(found.keys() - manifest.files.keys()):
        raise SallyportError(f"`{more[0]}` was put into this backup later; take it out")
    return manifest


def part_of(store: Path) -> Path:
    """Where a store lies until it is whole."""
    return store.with_name(f"{store.name}.part")


def free_for_restore(site: Path, store: Path, *, keep: frozenset[str]) -> None:
    """See that ``site`` holds nothing but ``keep``; what a cut-short restore laid out there is removed."""
    if part_of(store).exists() and not store.exists():
        shutil.rmtree(part_of(store))
        for path in sorted(site.rglob("*"), reverse=True):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
            elif path.suffix in _WRITTEN:
                path.unlink()
    if site.exists() and {path.name for path in site.iterdir()} - keep:
        raise SallyportError(f"`{site}` holds files already; name a folder that is empty or is not there yet")
    if store.exists():
        raise SallyportError("the store folder that `site.toml` names is there already; move it away first")


def empty_beside(store: Path) -> Path:
    """An empty folder beside the place a store is for."""
    part = part_of(store)
    part.mkdir(parents=True)
    return part


def lay_out(folder: Path, store: Path) -> Path:
    """Copy the store of a backup of an earlier version beside the place it is for, until it is known to be whole."""
    part = empty_beside(store)
    shutil.copytree(folder / STORE, part, dirs_exist_ok=True)
    return part


def lay_out_documents(folder: Path, site: Path, secret: bytes) -> None:
    """Lay out documents and secret: without its store a site is none."""
    shutil.copytree(folder / DOCUMENTS, site, dirs_exist_ok=True)
    key = site / KEY
    if not key.exists():
        descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)


def finish(part: Path, store: Path) -> None:
    """Put the store in its place in one step."""
    for path in _files(part):
        _sync(path)
    part.replace(store)
    _sync(store.parent)
