"""Sealed files: what belongs to records lies in envelopes, each under a key that needs the keys of all its records.

A file is a row of blocks: the length of an index, the index, the envelopes. An index is itself sealed under the key of
nobody and tells of each envelope which addresses it needs, a note, and how long it is. So nothing is in the clear, not
even which records there are. Every envelope has a key for itself alone, derived from those of its addresses and from
the backup, the file, the block and the place it stands in: one that was put elsewhere opens as little as one that was
changed. The last block says that it is.

AES-256-GCM: NIST SP 800-38D. A key is used once, so the nonce is constant.
"""

from __future__ import annotations

import zlib
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapter.errors import SallyportError
from adapter.services.backup_keys import NOBODY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

BLOCK: Final = 1 << 20
"""Bytes after which a block is closed; envelopes that are larger have one for themselves."""
_MANY: Final = 4096
_PACKED: Final = 256
"""From how many bytes on content is compressed."""
_NONCE: Final = bytes(12)
_INDEX: Final = -1
_LENGTH: Final = 8


class Envelope(NamedTuple):
    """One envelope: what it needs, the note on it, its content (None where a key it needs was destroyed), its size."""

    addresses: list[int]
    note: Any
    content: bytes | None
    size: int


class _Place:
    """Where envelopes stand: the backup and the file they belong to."""

    def __init__(self, context: bytes, key_of: Callable[[int], bytes | None]) -> None:
        self._context, self._key_of = context, key_of
        self._last: Sequence[int] | None = None
        self._joined: bytes | None = None

    def cipher(self, addresses: Sequence[int], block: int, place: int) -> tuple[AESGCM, bytes] | None:
        """The cipher of one envelope and what it is bound to; None if a key it needs is gone."""
        if addresses is not self._last:
            self._last, self._joined = addresses, self._join(addresses)
        if self._joined is None:
            return None
        bound = self._context + block.to_bytes(8, "big") + place.to_bytes(8, "big", signed=True)
        return AESGCM(blake2b(bound, key=self._joined, digest_size=32, person=b"envelope").digest()), bound

    def _join(self, addresses: Sequence[int]) -> bytes | None:
        hashing = blake2b(digest_size=32, person=b"joined")
        for address in (NOBODY, *addresses):
            key = self._key_of(address)
            if key is None:
                return None
            hashing.update(key)
        return hashing.digest()


class EnvelopeWriter:
    """Writes a sealed file; it is whole only once the block ends without an error."""

    def __init__(self, path: Path, context: bytes, key_of: Callable[[int], bytes | None]) -> None:
        self._file = path.open("wb")
        self._place = _Place(context, key_of)
        self._index: list[tuple[Sequence[int] | None, Any, int, int]] = []
        self._last: Sequence[int] | None = None
        self._body: list[bytes] = []
        self._size, self._block = 0, 0

    def add(self, addresses: Sequence[int], note: Any, content: bytes) -> None:
        """Seal some content under the keys of all its addresses; none is under the key of nobody alone.

        Give the same object for the same addresses: many pieces of one line then cost no more than one.
        """
        packed = int(len(content) >= _PACKED)
        found = self._place.cipher(addresses, self._block, len(self._index))
        if found is None:
            raise SallyportError("a record that is held has no key any more; this backup was not made")
        cipher, bound = found
        sealed = cipher.encrypt(_NONCE, zlib.compress(content, 1) if packed else content, bound)
        again = self._index and addresses is self._last
        self._index.append((None if again else addresses, note, packed, len(sealed)))
        self._last = addresses
        self._body.append(sealed)
        self._size += len(sealed)
        if self._size >= BLOCK or len(self._index) >= _MANY:
            self._close_block(last=False)

    def _close_block(self, *, last: bool) -> None:
        found = self._place.cipher((), self._block, _INDEX)
        assert found is not None  # noqa: S101 - the key of nobody is never destroyed
        cipher, bound = found
        index = cipher.encrypt(_NONCE, zlib.compress(orjson.dumps([last, self._index]), 1), bound)
        self._file.write(len(index).to_bytes(_LENGTH, "big") + index)
        self._file.writelines(self._body)
        self._index.clear()
        self._body.clear()
        self._size, self._block = 0, self._block + 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        with self._file:
            if error is None:
                self._close_block(last=True)


def envelopes(path: Path, context: bytes, key_of: Callable[[int], bytes | None]) -> Iterator[Envelope]:
    """The envelopes of a sealed file, in order; ``SallyportError`` where it is not as it was written, or not whole."""
    place, last, block, left = _Place(context, key_of), False, 0, path.stat().st_size
    with path.open("rb") as file:
        while not last:
            length = int.from_bytes(file.read(_LENGTH), "big")
            if length > left:
                raise _broken(path)
            index = file.read(length)
            told = _opened(path, place.cipher((), block, _INDEX), index, packed=True)
            last, units = orjson.loads(told)
            addresses: list[int] = []
            for number, (needed, note, packed, size) in enumerate(units):
                addresses = addresses if needed is None else needed
                sealed = file.read(size)
                found = place.cipher(addresses, block, number)
                content = None if found is None else _opened(path, found, sealed, packed=packed)
                yield Envelope(addresses, note, content, size)
            block += 1
        if file.read(1):
            raise _broken(path)


def _opened(path: Path, found: tuple[AESGCM, bytes] | None, sealed: bytes, *, packed: bool) -> bytes:
    if found is None:
        raise _broken(path)
    cipher, bound = found
    try:
        content = cipher.decrypt(_NONCE, sealed, bound)
        return zlib.decompress(content) if packed else content
    except (InvalidTag, ValueError, zlib.error):
        raise _broken(path) from None


def _broken(path: Path) -> SallyportError:
    return SallyportError(
        f"`{path.name}` of this backup is not as it was written, or was sealed under other keys; nothing of it is used"
    )
