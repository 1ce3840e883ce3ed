#!/usr/bin/env python3
"""usage: terminal_test.py PROGRAM: `dure chat` at a real terminal: line editing in Korean, Ctrl-C, /new, /exit."""

import os
import pathlib
import pty
import select
import signal
import sys
import time
import unittest

from commands_test import MODEL

program = ""


class Terminal:
    def __init__(self, *arguments: str):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execv(program, [program, *arguments])
        self.seen = b""

    def read_until(self, what: bytes, seconds: float = 60) -> bytes:
        """What came before and with `what`; it is taken out of the stream."""
        deadline = time.monotonic() + seconds
        while what not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise AssertionError(f"no {what!r} in {self.seen!r}")
            try:
                self.seen += os.read(self.fd, 65536)
            except OSError as error:
                raise AssertionError(f"ended before {what!r}: {self.seen!r}") from error
        end = self.seen.index(what) + len(what)
        taken, self.seen = self.seen[:end], self.seen[end:]
        return taken

    def type(self, keys: str):
        os.write(self.fd, keys.encode())

    def exit_status(self) -> int:
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Chat(unittest.TestCase):
    def start(self, *arguments: str) -> Terminal:
        terminal = Terminal("chat", "--model", str(MODEL), "--temperature", "0", *arguments)
        terminal.read_until(b"\r> ")
        return terminal

    def test_answers_edits_korean_and_leaves(self):
        terminal = self.start("--max-tokens", "8")
        terminal.type("안녕하\x7f\x7f녕")
        terminal.read_until("\r> 안녕\x1b[K".encode())
        terminal.type("\r")
        terminal.read_until(b"\r> ")
        terminal.type("/new\r")
        terminal.read_until(b"[new chat]")
        terminal.read_until(b"\r> ")
        terminal.type("\x1b[A")  # the line before
        terminal.read_until(b"\r> /new")
        terminal.type("\x15/exit\r")
        self.assertEqual(terminal.exit_status(), 0)

    def test_ctrl_c_stops_the_answer_and_not_the_program(self):
        terminal = self.start()
        terminal.type("Write a very long story about a dragon, with many chapters.\r")
        terminal.read_until(b"\n")
        terminal.read_until(b" ")  # the answer has begun
        time_limit = time.monotonic() + 60
        while time.monotonic() < time_limit and not terminal.seen:
            terminal.seen += os.read(terminal.fd, 4096)
        terminal.type("\x03")
        terminal.read_until(b"[stopped]")
        terminal.read_until(b"\r> ")
        terminal.type("\x04")
        self.assertEqual(terminal.exit_status(), 0)

    def test_an_interrupt_while_nothing_is_generated_ends_the_program(self):
        terminal = Terminal("chat", "--model", str(MODEL))
        terminal.read_until(b"\r> ")
        os.kill(terminal.pid, signal.SIGINT)
        self.assertEqual(terminal.exit_status(), -signal.SIGINT)


if __name__ == "__main__":
    program = sys.argv[1]
    if not pathlib.Path(MODEL).exists():
        print(f"needs {MODEL}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
