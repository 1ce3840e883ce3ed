"""Whole generations of the three real models: every instruction set and number of threads gives the same tokens and the same
log-probability bits. usage: same_bits_test.py DURE. Exit status 77: the models are absent."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

DURE = sys.argv.pop(1)
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
FOLDER = pathlib.Path(os.environ.get("DURE_MODEL_DIR") or CACHE / "dure" / "models")
MODELS = [FOLDER / name for name in ("SmolLM2-135M-Instruct.Q4_1.gguf", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                                     "gemma3-270m-q4_k_m.gguf")]


def dure(*arguments, isa=""):
    environment = {**os.environ, "DURE_ISA": isa}
    done = subprocess.run([DURE, *arguments], capture_output=True, text=True, env=environment, check=True)
    return json.loads(done.stdout)


def generate(model, prompt, count, isa, threads):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(prompt)
        file.flush()
        made = dure("generate", "--model", str(model), "--prompt-file", file.name, "--max-tokens", str(count),
                    "--temperature", "0.8", "--seed", "11", "--top-logprobs", "3", "--threads", str(threads), "--json",
                    isa=isa)
    return made["tokens"], made["logprobs"]


class SameBits(unittest.TestCase):
    def setUp(self):
        self.fast = [isa for isa in dure("doctor", "--json")["instruction_sets"] if isa != "reference"]

    def test_fast_instruction_sets_and_threads(self):
        prompt = "The three things that matter most when a provider goes away overnight are these: first,"
        for model in MODELS:
            expected = generate(model, prompt, 24, self.fast[0], 1)
            self.assertEqual(len(expected[0]), len(expected[1]))
            for isa in self.fast:
                for threads in (2, 3):
                    with self.subTest(model=model.name, isa=isa, threads=threads):
                        self.assertEqual(generate(model, prompt, 24, isa, threads), expected)

    def test_the_reference_on_a_short_one(self):
        for model in MODELS:
            with self.subTest(model=model.name):
                self.assertEqual(generate(model, "Once upon", 2, "reference", 2),
                                 generate(model, "Once upon", 2, self.fast[-1], 1))


if __name__ == "__main__":
    if not all(model.exists() for model in MODELS):
        print("the models are not here: dure pull fetches them")
        sys.exit(77)
    unittest.main()
