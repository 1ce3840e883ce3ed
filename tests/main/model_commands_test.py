#!/usr/bin/env python3
"""usage: model_commands_test.py DURE: `dure models` and `dure pull` as a user calls them, without a network."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

DURE = sys.argv.pop(1)


class ModelCommands(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.models = pathlib.Path(self.folder.name) / "models"
        self.environment = dict(
            os.environ, DURE_MODEL_DIR=str(self.models), PIP_CONFIG_FILE="/dev/null",
            PIP_INDEX_URL="https://127.0.0.1:9/simple/", PIP_RETRIES="0",
            HF_ENDPOINT="https://127.0.0.1:9", no_proxy="127.0.0.1")
        self.environment.pop("PIP_FIND_LINKS", None)

    def tearDown(self):
        self.folder.cleanup()

    def dure(self, *arguments):
        return subprocess.run([DURE, *arguments], env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    def assert_one_error_line(self, done, part):
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")
        lines = done.stderr.splitlines()
        self.assertIn(part, lines[-1])
        return lines

    def test_models_lists_the_catalogue_and_other_files(self):
        self.models.mkdir()
        (self.models / "mine.gguf").write_bytes(b"x" * 1000)
        (self.models / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(b"not that model")
        done = self.dure("models", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        listed = json.loads(done.stdout)
        self.assertEqual(listed["folder"], str(self.models))
        rows = {row["name"]: row for row in listed["models"]}
        self.assertEqual(rows["mine.gguf"]["bytes"], 1000)
        self.assertTrue(rows["mine.gguf"]["present"])
        self.assertFalse(rows["smollm2-135m"]["present"], "a file of another size is not the model")
        self.assertEqual(rows["qwen2.5-coder-0.5b"]["licence"], "Apache-2.0")
        table = self.dure("models").stdout
        for name in rows:
            self.assertIn(name, table)

    def test_bad_names_are_one_line(self):
        lines = self.assert_one_error_line(self.dure("pull", "no\nsuch"), "no model is named")
        self.assertEqual(len(lines), 1)
        for bad in ("hf:a/b", "hf:a/b/../c.gguf", "hf:a/b/c.bin"):
            lines = self.assert_one_error_line(self.dure("pull", bad, "--json"), "hf:owner/repo/file.gguf")
            self.assertEqual(len(lines), 1)
        self.assert_one_error_line(self.dure("pull"), "name")

    def test_without_a_network_nothing_is_left(self):
        self.assert_one_error_line(self.dure("pull", "hf:a/b/c.gguf"), "127.0.0.1")
        self.assert_one_error_line(self.dure("pull", "smollm2-135m"), "no source worked")
        self.assertEqual(list(self.models.iterdir()), [])

    def test_the_gemma_terms_are_shown(self):
        done = self.dure("pull", "gemma3-270m")
        self.assertIn("Gemma Terms of Use", done.stderr.splitlines()[0])


if __name__ == "__main__":
    unittest.main()
