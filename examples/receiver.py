"""A small receiver of notifications: it answers the handshake, prints every event once, and notices what it missed.

    python receiver.py [--port 9000] [--secret "Bearer a-secret-of-yours"]

It listens on this host without TLS: put a proxy with a certificate in front of it. It keeps the highest event number of
each subscription in `received.json`, so that after a restart it can say from where to ask `$events`.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

KEPT = Path("received.json")
LARGEST = 16 * 1024 * 1024
"""Bytes of the largest notification that is read."""


def told(bundle: dict[str, Any]) -> tuple[str, str, list[tuple[int, str, str]]]:
    """The subscription of a notification, its kind, and its events: number, focus and notice (each may be empty)."""
    events = []
    names = {}
    for parameter in bundle["entry"][0]["resource"]["parameter"]:
        names[parameter["name"]] = parameter
        if parameter["name"] == "notification-event":
            parts = {part["name"]: part for part in parameter["part"]}
            focus = parts.get("focus", {}).get("valueReference", {}).get("reference", "")
            notice = next((one["valueCode"] for one in parameter.get("extension", ())), "")
            events.append((int(parts["event-number"]["valueString"]), focus, notice))
    return names["subscription"]["valueReference"]["reference"], names["type"]["valueCode"], events


class Received:
    """The highest event number of each subscription, on disk before it is acknowledged."""

    def __init__(self, path: Path = KEPT) -> None:
        self._path = path
        self._lock = Lock()
        self._highest: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}

    def take(self, bundle: dict[str, Any]) -> list[str]:
        """What is new of a notification, in words; repeated events are passed over."""
        subscription, kind, events = told(bundle)
        said = [] if events else [f"{kind} of {subscription}"]
        with self._lock:
            highest = self._highest.get(subscription, 0)
            for number, focus, notice in events:
                if number <= highest:
                    continue
                if number > highest + 1:
                    said.append(f"missed: GET {subscription}/$events?eventsSinceNumber={highest + 1}")
                said.append(f"event {number}: {notice or 'now true'} {focus or '(not told)'}")
                highest = number
            self._highest[subscription] = highest
            fresh = self._path.with_suffix(".new")
            with fresh.open("w") as file:
                json.dump(self._highest, file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        return said


def server(port: int, secret: str, received: Received) -> ThreadingHTTPServer:
    """The receiver, ready to serve."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Take one notification."""
            body = self.rfile.read(min(int(self.headers.get("content-length", "0")), LARGEST))
            if secret and not hmac.compare_digest(self.headers.get("authorization", "").encode(), secret.encode()):
                self._answer(401)
                return
            try:
                said = received.take(json.loads(body))
            except (ValueError, KeyError, IndexError):
                self._answer(400)
                return
            for line in said:
                print(line, flush=True)
            self._answer(200)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Addresses of notifications are nobody's business."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    """Listen until stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--secret", default="", help="what the Authorization header has to be")
    asked = parser.parse_args()
    server(asked.port, asked.secret, Received()).serve_forever()


if __name__ == "__main__":
    main()
