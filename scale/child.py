"""`qrm serve --stdio`: messages of a 4-byte little-endian length and so many bytes (server/src/http/stdio.ts)."""

import json
import struct
import subprocess
import tempfile


class Child:
    """A model in a process of its own. Ended with its owner: its input closes."""

    def __init__(self, command: list[str]):
        self.command = command
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
        self.count = 0
        self.model = self._receive()["ready"]

    def score(self, shard: dict, data: bytes) -> dict:
        """Raises RuntimeError with the child's words."""
        self.count += 1
        self._send(json.dumps({"id": self.count, "shard": shard}).encode())
        self._send(data)
        answer = self._receive()
        if "error" in answer:
            raise RuntimeError(f"{shard['name']}: {answer['error']}")
        return answer["result"]

    def _send(self, data: bytes) -> None:
        try:
            self.process.stdin.write(struct.pack("<I", len(data)) + data)
            self.process.stdin.flush()
        except OSError:
            raise RuntimeError(self._last_words()) from None

    def _receive(self) -> dict:
        (length,) = struct.unpack("<I", self._read(4))
        return json.loads(self._read(length))

    def _read(self, count: int) -> bytes:
        data = self.process.stdout.read(count)
        if len(data) != count:
            raise RuntimeError(self._last_words())
        return data

    def _last_words(self) -> str:
        code = self.process.wait()
        self.errors.seek(0)
        words = self.errors.read().decode(errors="replace").strip()[-2000:]
        return f"{self.command[0]} ended ({code}): {words or 'without a word'}"

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
