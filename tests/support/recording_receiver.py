"""A receiver in a process of its own that keeps everything it gets on disk before it answers.

    python recording_receiver.py FILE SECONDS

It answers so many seconds after it has kept what it got, so that a sender may be killed in between. It listens on a
free port of this host, which it says on standard output, until its input ends. Each line of FILE is one notification:
``{"at": instant in microseconds, "path": …, "body": …}``, in the order in which they came.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Quiet(ThreadingHTTPServer):
    """Senders that are killed are what it is there for."""

    daemon_threads = True

    def handle_error(self, *_):
        pass


def server(path, pause):
    """The receiver, ready to serve."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            with lock:
                line = {"at": time.time_ns() // 1000, "path": self.path, "body": json.loads(body)}
                os.write(file, (json.dumps(line) + "\n").encode())
            time.sleep(pause)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    return Quiet(("127.0.0.1", 0), Handler)


def main():
    made = server(sys.argv[1], float(sys.argv[2]))
    threading.Thread(target=made.serve_forever, daemon=True).start()
    sys.stdout.write(f"{made.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
