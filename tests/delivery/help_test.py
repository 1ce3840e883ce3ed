#!/usr/bin/env python3
"""usage: help_test.py PROGRAM ROOT: the man page and the shell completion agree with the program's --help."""

import pathlib
import re
import subprocess
import sys
import unittest

program = ""
root = pathlib.Path()


def commands() -> list[str]:
    text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^  ([a-z][a-z-]*)  ", text.split("First steps")[0], re.MULTILINE)


def complete(*words: str) -> list[str]:
    """What bash offers for the last of the words."""
    script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dure; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", script, "bash", str(root / "packaging/dure.bash"), program, *words],
                          capture_output=True, text=True, check=True)
    return done.stdout.split()


class Help(unittest.TestCase):
    def test_help_lists_commands(self):
        self.assertIn("doctor", commands())

    def test_man_page_lists_exactly_the_commands(self):
        page = (root / "packaging/dure.1").read_text("utf-8")
        sections = page.split(".Sh COMMANDS")[1].split(".Sh ")[0]
        self.assertEqual(set(re.findall(r"^\.It Cm (\S+)", sections, re.MULTILINE)), set(commands()))

    def test_completion_offers_every_command(self):
        self.assertEqual(set(commands()) - set(complete("")), set())
        self.assertEqual(complete("doct"), ["doctor"])

    def test_completion_offers_a_commands_options(self):
        self.assertIn("--json", complete("doctor", "--"))
        self.assertNotIn("--json", complete("--"))


if __name__ == "__main__":
    program, root = sys.argv[1], pathlib.Path(sys.argv[2])
    unittest.main(argv=sys.argv[:1])
