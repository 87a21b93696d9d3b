"""A small HL7 v2 receiver over MLLP: it keeps each message under its control id, acknowledges it, and prints it once.

    python hl7_receiver.py [--port 2576] [--folder received]

It listens on this host without TLS: put a proxy with a certificate in front of it. A message that comes again has the
same control id (MSH-10) and is acknowledged again without being printed.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

START, END = b"\x0b", b"\x1c\r"
LARGEST = 1024 * 1024
"""Bytes of the largest message that is read."""


def read_frame(file: object) -> bytes | None:
    """The content of the next frame; None at the end of the connection, or when what came is no frame."""
    read = file.read  # type: ignore[attr-defined]
    if read(1) != START:
        return None
    content = bytearray()
    while not content.endswith(END):
        byte = read(1)
        if not byte or len(content) > LARGEST:
            return None
        content += byte
    return bytes(content[: -len(END)])


def told(message: bytes) -> tuple[list[str], str]:
    """The fields of MSH, and a message in one line: what it is, of which event, and about which id of Sallyport's."""
    segments = [line.split("|") for line in message.decode("utf-8", "replace").split("\r") if line]
    head = segments[0]
    named = {line[0]: line for line in reversed(segments)}
    about = named.get("OBR", named.get("PV1", []))
    what = about[4].split("^")[0] if about[:1] == ["OBR"] else head[8].split("^")[1]
    which = about[3].split("^")[0] if about[:1] == ["OBR"] else about[19].split("^")[0]
    return head, f"event {head[9].rpartition('-')[2]}: {what} {which or '(not told)'}"


def acknowledgement(head: list[str]) -> bytes:
    """AA, or CA where the sender asks for commit acknowledgements, with the control id as it came."""
    accept = "".join(head[14:15])
    code = "CA" if accept else "AA"
    back = ["MSH", head[1], *head[4:6], *head[2:4], head[6], "", "ACK", f"A{head[9]}", head[10], head[11]]
    return f"{'|'.join(back)}\rMSA|{code}|{head[9]}\r".encode()


def server(port: int, folder: Path) -> ThreadingTCPServer:
    """The receiver, ready to serve."""
    folder.mkdir(exist_ok=True)

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            """Take the messages of one connection."""
            while (message := read_frame(self.rfile)) is not None:
                head, line = told(message)
                kept = folder / f"{re.sub('[^A-Za-z0-9-]', '_', head[9])}.hl7"
                if not kept.exists():
                    fresh = kept.with_suffix(".part")
                    with fresh.open("wb") as file:
                        file.write(message)
                        file.flush()
                        os.fsync(file.fileno())
                    fresh.replace(kept)
                    print(line, flush=True)
                self.wfile.write(START + acknowledgement(head) + END)

    class Server(ThreadingTCPServer):
        allow_reuse_address = True

    return Server(("127.0.0.1", port), Handler)


def main() -> None:
    """Listen until stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=2576)
    parser.add_argument("--folder", type=Path, default=Path("received"))
    asked = parser.parse_args()
    server(asked.port, asked.folder).serve_forever()


if __name__ == "__main__":
    main()
