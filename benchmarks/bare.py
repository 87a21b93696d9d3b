"""The yardstick: a Starlette route that returns bytes, under the server settings of `sallyport serve`.

    python benchmarks/bare.py PORT FOLDER

Every file of ``FOLDER`` is answered at its name.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).parents[1]))

from adapter.cli.options import run_loop

if TYPE_CHECKING:
    from starlette.requests import Request


def application(folder: Path) -> Starlette:
    """One route for each body."""

    def route(path: Path) -> Route:
        body = path.read_bytes()

        async def answer(_: Request) -> Response:
            return Response(body, media_type="application/fhir+json")

        return Route(f"/{path.name}", answer)

    return Starlette(routes=[route(path) for path in sorted(folder.iterdir())])


def main() -> None:
    """Serve until stopped."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    config = uvicorn.Config(
        application(folder),
        host="127.0.0.1",
        port=port,
        http="httptools",
        access_log=False,
        log_level="warning",
        server_header=False,
    )
    run_loop(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
