"""What a snapshot tells of the earlier versions of a resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from adapter.store.shapes import Found


class VersionReads(Protocol):
    """The versions of a resource behind the current one."""

    async def earlier(self, context: int, rid: int, *, at: int) -> Found:
        """The earlier versions that this context may see by what is in force at an instant, newest first.

        Each is decided by its own segment. A version of a Patient is also seen with any record of the Patient.
        """
        ...
