"""Senders that behave as MLLP senders do: one message at a time, sent again until it is acknowledged."""

from __future__ import annotations

import socket
import threading
import time

END = b"\x1c\r"


class Sender(threading.Thread):
    """Sends the messages ``make(0)``, ``make(1)``, … in order, each until its own acknowledgement comes."""

    def __init__(self, port, make, *, pause=0.0, most=None):
        super().__init__(daemon=True)
        self._port, self._make, self._pause, self._most = port, make, pause, most
        self._stop_asked = threading.Event()
        self.acknowledged = []
        self.again = 0
        self.wrong = []

    def run(self):
        while not self._stop_asked.is_set() and (self._most is None or len(self.acknowledged) < self._most):
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=20) as connection:
                    self._send(connection)
            except OSError:
                self.again += 1
                time.sleep(0.01)

    def _send(self, connection):
        while not self._stop_asked.is_set() and (self._most is None or len(self.acknowledged) < self._most):
            control, message = self._make(len(self.acknowledged))
            connection.sendall(b"\x0b" + message + END)
            answer = self._answer(connection)
            if b"\rMSA|AA|%s\r" % control not in answer:
                self.wrong.append((control, answer))
            self.acknowledged.append(message)
            time.sleep(self._pause)

    @staticmethod
    def _answer(connection):
        answer = b""
        while not answer.endswith(END):
            data = connection.recv(65536)
            if not data:
                raise ConnectionError
            answer += data
        return answer

    def finish(self):
        """Stop after the message that is on its way, once that is acknowledged."""
        self._stop_asked.set()
        self.join(60)
        assert not self.is_alive()
