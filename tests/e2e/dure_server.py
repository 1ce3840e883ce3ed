"""A running `dure serve` for tests: the real program with a real model on a free port and a data folder of its own."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

SMALL_MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"
SKIPPED = 77
START_SECONDS = 120


def model_path(name: str = SMALL_MODEL) -> pathlib.Path:
    cache = os.environ.get("XDG_CACHE_HOME") or str(pathlib.Path.home() / ".cache")
    return pathlib.Path(os.environ.get("DURE_MODEL_DIR") or f"{cache}/dure/models") / name


def require_model(name: str = SMALL_MODEL) -> pathlib.Path:
    path = model_path(name)
    if not path.exists():
        print(f"skipped: the model file {path} is missing (scripts/models fetches it)")
        sys.exit(SKIPPED)
    return path


class Server:
    """`with Server(program, "--model", path) as server:`; it is ready inside the block. data: a folder that outlives it."""

    def __init__(self, program: str, *options: str, data: str | None = None):
        self.program = program
        self.options = options
        self.data = data
        self.folder = tempfile.TemporaryDirectory(prefix="dure-e2e-")

    def __enter__(self):
        self.errors = open(pathlib.Path(self.folder.name) / "stderr", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [self.program, "serve", "--port", "0", "--data", self.data or self.folder.name + "/data", *self.options],
            stdout=subprocess.PIPE, stderr=self.errors, text=True)
        line = self.process.stdout.readline()
        found = re.fullmatch(r"Dure is ready at (https?://\S+)\n", line)
        if not found:
            self.process.wait(30)
            said = self.stderr()
            self.__exit__()
            raise RuntimeError(f"the server did not start: {line!r} {said!r}")
        self.url = found.group(1)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.stdout.close()
        self.errors.close()
        self.folder.cleanup()

    def stderr(self) -> str:
        self.errors.seek(0)
        return self.errors.read()

    def get(self, path: str):
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def model(self) -> str:
        return self.get("/v1/models")["data"][0]["id"]

    def stats(self) -> dict:
        return self.get("/api/app/stats")["models"][0]

    def wait_until_idle(self, seconds: float = 10) -> dict:
        """The engine's numbers once nothing runs or waits; an error when that takes too long."""
        end = time.monotonic() + seconds
        while True:
            stats = self.stats()
            if stats["running"] == 0 and stats["queued"] == 0:
                return stats
            if time.monotonic() > end:
                raise AssertionError(f"still running: {stats}")
            time.sleep(0.02)

    def wait_until_running(self, count: int = 1, seconds: float = 20) -> dict:
        end = time.monotonic() + seconds
        while (stats := self.stats())["running"] < count:
            if time.monotonic() > end:
                raise AssertionError(f"nothing runs: {stats}")
            time.sleep(0.01)
        return stats
