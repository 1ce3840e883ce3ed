#!/usr/bin/env python3
"""usage: serve_test.py PROGRAM: `dure serve` from start to end: its messages, its signals, its folder, its limits."""

import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from dure_server import Server, require_model  # noqa: E402

program = sys.argv.pop(1)
model = str(require_model())


def serve(*options: str, data: str) -> subprocess.CompletedProcess:
    """A start that is expected to fail."""
    return subprocess.run([program, "serve", "--data", data, *options], capture_output=True, text=True, timeout=60)


def endless_chat(server: Server, **more) -> bytes:
    """A request whose answer goes on: the end-of-turn tokens are forbidden."""
    body = {"model": server.model(), "messages": [{"role": "user", "content": "Count from one to a thousand."}],
            "logit_bias": {"0": -100, "2": -100}, "max_tokens": 4000, "stream": True, **more}
    text = json.dumps(body).encode()
    return (b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(text)) + text


def connect(server: Server) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def read_until(connection: socket.socket, text: bytes) -> bytes:
    seen = b""
    while text not in seen:
        piece = connection.recv(65536)
        if not piece:
            break
        seen += piece
    return seen


def ends_well(connection: socket.socket) -> bool:
    return b"data: [DONE]" in read_until(connection, b"data: [DONE]")


class BadStarts(unittest.TestCase):
    """Every bad start ends with one line that says why."""

    def check(self, done: subprocess.CompletedProcess, *words: str):
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.data = self.folder.name + "/data"

    def tearDown(self):
        self.folder.cleanup()

    def test_options(self):
        self.check(serve("--port", "99999", data=self.data), "--port")
        self.check(serve("--port", "http", data=self.data), "--port")
        self.check(serve("--frobnicate", data=self.data), "frobnicate")
        self.check(serve("--host", "0.0.0.0", "--model", model, data=self.data), "0.0.0.0", "127.0.0.1")
        self.check(serve("--host", "127.0.0.1.example", "--model", model, "--port", "0", data=self.data), "address")

    def test_models(self):
        self.check(serve("--model", "/nowhere/x.gguf", data=self.data), "/nowhere/x.gguf")
        self.check(serve("--model", model, "--model", model, data=self.data), pathlib.Path(model).stem)
        text = pathlib.Path(self.folder.name) / "text.gguf"
        text.write_text("this is no model\n" * 100)
        self.check(serve("--model", str(text), "--port", "0", data=self.data), "text")
        half = pathlib.Path(self.folder.name) / "half.gguf"
        half.write_bytes(pathlib.Path(model).read_bytes()[:5_000_000])
        self.check(serve("--model", str(half), "--port", "0", data=self.data), "half")

    def test_data_folder(self):
        self.check(serve("--model", model, data="/proc/nowhere"), "/proc/nowhere")
        blocked = pathlib.Path(self.folder.name) / "file"
        blocked.write_text("")
        self.check(serve("--model", model, data=str(blocked)), str(blocked))

    def test_what_another_server_has(self):
        with Server(program, "--model", model) as server:
            port = server.url.rsplit(":", 1)[1]
            self.check(serve("--model", model, "--port", port, data=self.data), port, "in use")
            taken = server.folder.name + "/data"
            self.check(serve("--model", model, "--port", "0", data=taken), taken, str(server.process.pid))
            self.assertEqual(stat.S_IMODE(os.stat(taken).st_mode), 0o700)


class Running(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(program, "--model", model)
        cls.server.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def test_the_model_given_comes_first(self):
        self.assertEqual(self.server.model(), pathlib.Path(model).stem)
        self.assertEqual(self.server.get("/ready"), {"status": "ready"})
        self.assertEqual(self.server.get("/api/app/info")["status"], "ready")

    def test_a_client_that_leaves_a_stream_stops_its_generation(self):
        connection = connect(self.server)
        connection.sendall(endless_chat(self.server))
        read_until(connection, b'"content":"')
        self.server.wait_until_running()
        connection.close()
        stopped = self.server.wait_until_idle(5)["tokens_generated"]
        self.assertLess(stopped, 3000)
        time.sleep(0.3)
        self.assertEqual(self.server.stats()["tokens_generated"], stopped)

    def test_a_client_that_leaves_before_a_whole_answer_stops_its_generation(self):
        connection = connect(self.server)
        connection.sendall(endless_chat(self.server, stream=False, n=3))
        self.server.wait_until_running(3)
        connection.close()
        self.server.wait_until_idle(5)

    def test_health_answers_while_the_engine_is_busy(self):
        connections = [connect(self.server) for _ in range(8)]
        for connection in connections:
            connection.sendall(endless_chat(self.server, n=4))
        self.server.wait_until_running(8)
        slowest = 0.0
        for _ in range(20):
            begin = time.monotonic()
            self.server.get("/health")
            slowest = max(slowest, time.monotonic() - begin)
        for connection in connections:
            connection.close()
        self.server.wait_until_idle()
        self.assertLess(slowest, 1.0)

    def test_a_reader_that_stops_reading_slows_nobody(self):
        slow = connect(self.server)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(endless_chat(self.server, max_tokens=300))
        quick = connect(self.server)
        quick.sendall(endless_chat(self.server, max_tokens=50))
        self.assertTrue(ends_well(quick))
        # What was joined meanwhile is all there when the slow one reads at last.
        self.assertTrue(ends_well(slow))
        quick.close()
        slow.close()

    def test_foreign_pages_are_refused(self):
        for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site",
                                                                                   "Sec-Fetch-Mode": "no-cors"}):
            request = urllib.request.Request(self.server.url + "/v1/models", headers=headers)
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request)
            with refused.exception as answer:
                self.assertEqual(answer.code, 403)
                self.assertEqual(json.load(answer)["error"]["code"], "forbidden")

    def test_the_page_is_served_under_a_policy(self):
        with urllib.request.urlopen(self.server.url + "/") as page:
            self.assertIn("default-src 'none'", page.headers["Content-Security-Policy"])
            self.assertEqual(page.headers["X-Content-Type-Options"], "nosniff")
            self.assertIn("text/html", page.headers["Content-Type"])


class Ends(unittest.TestCase):
    def test_sigterm_lets_answers_finish(self):
        with Server(program, "--model", model, "--drain", "200") as server:
            connection = connect(server)
            connection.sendall(endless_chat(server, max_tokens=60))
            read_until(connection, b'"content":"')
            server.process.send_signal(signal.SIGTERM)
            self.assertTrue(ends_well(connection))
            connection.close()
            self.assertEqual(server.process.wait(20), 0)

    def test_sigterm_ends_what_does_not_finish(self):
        with Server(program, "--model", model, "--drain", "1") as server:
            connection = connect(server)
            connection.sendall(endless_chat(server))
            read_until(connection, b'"content":"')
            server.process.send_signal(signal.SIGINT)
            self.assertFalse(ends_well(connection))
            self.assertEqual(server.process.wait(20), 0)
            connection.close()

    def test_a_second_signal_ends_at_once(self):
        with Server(program, "--model", model, "--drain", "600") as server:
            connection = connect(server)
            connection.sendall(endless_chat(server))
            read_until(connection, b'"content":"')
            server.process.send_signal(signal.SIGINT)
            time.sleep(0.2)
            self.assertIsNone(server.process.poll())
            server.process.send_signal(signal.SIGINT)
            self.assertEqual(server.process.wait(5), 130)
            connection.close()

    def test_sigterm_while_loading(self):
        with tempfile.TemporaryDirectory() as folder:
            process = subprocess.Popen([program, "serve", "--port", "0", "--data", folder, "--model", model],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            lock = pathlib.Path(folder) / "dure.lock"
            for _ in range(1000):
                if lock.exists() and lock.stat().st_size > 0:
                    break
                time.sleep(0.01)
            threading.Timer(0.05, lambda: process.send_signal(signal.SIGTERM)).start()
            process.communicate(timeout=30)
            self.assertEqual(process.returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
