#!/usr/bin/env python3
"""usage: commands_test.py PROGRAM: the commands' JSON, their errors, and that they agree with one another."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

program = ""


def model_folder() -> pathlib.Path:
    if folder := os.environ.get("DURE_MODEL_DIR"):
        return pathlib.Path(folder)
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME", ""), ".cache")
    return pathlib.Path(cache) / "dure" / "models"


MODEL = model_folder() / "SmolLM2-135M-Instruct.Q4_1.gguf"


def dure(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run([program, *arguments], input=stdin, capture_output=True, text=True, timeout=120,
                          env={**os.environ, **environment})


class Commands(unittest.TestCase):
    def json_of(self, *arguments: str, stdin: str = ""):
        done = dure(*arguments, "--model", str(MODEL), "--json", stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def prompt_file(self, text: str) -> str:
        file = tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False)
        self.addCleanup(os.unlink, file.name)
        with file:
            file.write(text)
        return file.name

    def test_generate_and_score_give_the_same_bits(self):
        prompt = self.prompt_file("The capital of France is")
        for sampling in (["--temperature", "0"], ["--temperature", "0.9", "--seed", "5", "--top-p", "0.9"]):
            made = self.json_of("generate", "--prompt-file", prompt, "--max-tokens", "24", "--top-logprobs", "5",
                                "--threads", "2", *sampling)
            self.assertEqual(set(made), {"prompt_tokens", "tokens", "text", "logprobs", "timings"})
            self.assertEqual(len(made["logprobs"]), len(made["tokens"]))
            self.assertTrue(all(len(row) == 5 for row in made["logprobs"]))
            again = self.json_of("generate", "--prompt-file", prompt, "--max-tokens", "24", "--top-logprobs", "5",
                                 "--threads", "1", *sampling)
            self.assertEqual(again["logprobs"], made["logprobs"])
            scored = self.json_of("score", "--top-logprobs", "5",
                                  stdin=json.dumps({key: made[key] for key in ("prompt_tokens", "tokens")}))
            self.assertEqual(scored, {"logprobs": made["logprobs"]})

    def test_every_instruction_set_gives_the_same_bits(self):
        prompt = self.prompt_file("Once upon a time")
        available = json.loads(dure("doctor", "--json").stdout)["instruction_sets"]
        results = [dure("generate", "--model", str(MODEL), "--prompt-file", prompt, "--max-tokens", "6",
                        "--temperature", "0", "--top-logprobs", "5", "--json", DURE_ISA=isa).stdout
                   for isa in available]
        tokens = [(json.loads(text)["tokens"], json.loads(text)["logprobs"]) for text in results]
        for result in tokens[1:]:
            self.assertEqual(result, tokens[0])

    def test_generate_parses_control_tokens_of_a_raw_prompt_unless_told_otherwise(self):
        prompt = self.prompt_file("<|im_start|>user")
        few = self.json_of("generate", "--prompt-file", prompt, "--max-tokens", "1")["prompt_tokens"]
        many = self.json_of("generate", "--prompt-file", prompt, "--max-tokens", "1", "--plain")["prompt_tokens"]
        self.assertEqual(few[0], 1)
        self.assertNotIn(1, many)

    def test_a_chat_message_never_becomes_a_control_token(self):
        prompt = self.prompt_file("<|im_end|>")
        made = self.json_of("generate", "--prompt-file", prompt, "--chat", "--max-tokens", "1")
        empty = self.json_of("generate", "--prompt-file", self.prompt_file("x"), "--chat", "--max-tokens", "1")
        self.assertEqual(made["prompt_tokens"].count(2), empty["prompt_tokens"].count(2))

    def test_tokenize_and_template(self):
        ids = self.json_of("tokenize", stdin='["Hello", "", "<|im_end|>"]')
        self.assertEqual(ids[:2], [[19556], []])
        self.assertGreater(len(ids[2]), 1)
        self.assertEqual(self.json_of("tokenize", "--special", stdin='["<|im_end|>"]'), [[2]])
        chat = json.dumps({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "안녕"}]})
        prompt = self.json_of("template", stdin=chat)["prompt"]
        self.assertTrue(prompt.endswith("<|im_start|>user\n안녕<|im_end|>\n<|im_start|>assistant\n"), prompt)
        bare = self.json_of("template", "--no-generation-prompt", stdin=chat)["prompt"]
        self.assertEqual(bare + "<|im_start|>assistant\n", prompt)

    def test_perplexity(self):
        text = self.prompt_file("It was the best of times, it was the worst of times. " * 12)
        result = self.json_of("perplexity", "--file", text, "--context", "64")
        self.assertEqual(set(result), {"perplexity", "tokens"})
        self.assertEqual(result["tokens"] % 31, 0)
        self.assertLess(result["perplexity"], 10)

    def test_eval_compares_cache_types(self):
        text = self.prompt_file("It was the best of times, it was the worst of times. " * 12)
        alone = self.json_of("eval", "--file", text, "--context", "64")
        self.assertEqual(set(alone), {"perplexity", "tokens"})
        known = self.json_of("perplexity", "--file", text, "--context", "64")
        self.assertAlmostEqual(alone["perplexity"] / known["perplexity"], 1, places=4)
        both = self.json_of("eval", "--file", text, "--context", "64", "--kv-type", "q8", "--reference", MODEL)
        self.assertEqual(both["reference_perplexity"], alone["perplexity"])
        self.assertGreater(both["kl_divergence"]["mean"], 0)
        self.assertLess(both["kl_divergence"]["mean"], 0.05)

    def test_bench_has_a_record_for_each_test(self):
        records = self.json_of("bench", "--prompt", "16", "--generate", "4", "--depth", "0,20", "--parallel", "2",
                               "--repeat", "1")
        self.assertEqual([record["test"] for record in records], ["pp16", "tg4", "tg4@20", "b2"])
        for record in records:
            self.assertEqual(set(record["tokens_per_second"]), {"min", "median", "max"})
            self.assertGreater(record["tokens_per_second"]["min"], 0)
            roofline = record["roofline"]
            self.assertGreater(roofline["tokens_per_second"], 0)
            self.assertIn(roofline["bound"], ("memory bandwidth", "computation"))
            self.assertAlmostEqual(
                roofline["reached"] * roofline["tokens_per_second"] / record["tokens_per_second"]["median"], 1)

    def test_run_prints_the_answer(self):
        done = dure("run", "Say hi.", "--model", str(MODEL), "--temperature", "0", "--max-tokens", "5")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.strip())

    def test_bad_input_is_one_line_and_a_failure(self):
        model = ["--model", str(MODEL)]
        prompt = self.prompt_file("Hi")
        garbage = self.prompt_file("this is no model")
        cases = [
            ([], ""),
            (["nonsense"], ""),
            (["run"], ""),
            (["run", "Hi", "--model", "/nonexistent.gguf"], ""),
            (["run", "Hi", "--model", garbage], ""),
            (["run", "Hi", *model, "--temperature", "-1"], ""),
            (["run", "Hi", *model, "--context", "999999999"], ""),
            (["run", "Hi", *model, "--threads", "-3"], ""),
            (["generate", *model, "--json"], ""),
            (["generate", *model, "--prompt-file", "/nonexistent", "--json"], ""),
            (["generate", *model, "--prompt-file", prompt, "--top-p", "7", "--json"], ""),
            (["generate", *model, "--prompt-file", prompt, "--max-tokens", "0", "--json"], ""),
            (["generate", *model, "--prompt-file", prompt, "--context", "2", "--chat", "--json"], ""),
            (["generate", *model, "--prompt-file", self.prompt_file(""), "--json"], ""),
            (["score", *model, "--json"], "not json"),
            (["score", *model, "--json"], "[]"),
            (["score", *model, "--json"], '{"prompt_tokens": [1], "tokens": []}'),
            (["score", *model, "--json"], '{"prompt_tokens": [], "tokens": [1]}'),
            (["score", *model, "--json"], '{"prompt_tokens": [1], "tokens": [99999999]}'),
            (["tokenize", *model, "--json"], '{"a": 1}'),
            (["tokenize", *model, "--json"], "[1]"),
            (["tokenize", *model, "--json"], '["\\ud800"]'),
            (["tokenize", *model, "--json"], "[" * 100000),
            (["template", *model, "--json"], '{"messages": 3}'),
            (["template", *model, "--json"], '{"messages": [{"role": {}}], "tools": 4}'),
            (["perplexity", *model, "--file", prompt, "--json"], ""),
            (["eval", *model, "--file", prompt, "--json"], ""),
            (["eval", *model, "--file", prompt, "--kv-type", "f8", "--json"], ""),
            (["bench", *model, "--prompt", "0", "--json"], ""),
            (["bench", *model, "--prompt", "99999", "--json"], ""),
        ]
        for arguments, stdin in cases:
            with self.subTest(arguments=arguments, stdin=stdin[:40]):
                done = dure(*arguments, stdin=stdin)
                self.assertGreater(done.returncode, 0)  # and no signal, which would be negative
                self.assertEqual(done.stdout, "")
                self.assertRegex(done.stderr, r"\Adure: [^\n]+\n\Z")

    def test_an_unknown_instruction_set_is_refused(self):
        done = dure("doctor", "--json", DURE_ISA="vax")
        self.assertGreater(done.returncode, 0)
        self.assertIn("DURE_ISA", done.stderr)

    def test_an_instruction_set_is_in_use_or_refused(self):
        available = json.loads(dure("doctor", "--json").stdout)["instruction_sets"]
        for isa in ("reference", "avx2", "avxvnni", "avx512", "amx"):
            with self.subTest(isa=isa):
                done = dure("doctor", "--json", DURE_ISA=isa)
                if isa in available:
                    self.assertEqual(json.loads(done.stdout)["instruction_set"], isa)
                else:
                    self.assertGreater(done.returncode, 0)
                    self.assertIn("this machine does not have", done.stderr)

    def test_no_model_at_all_says_what_to_do(self):
        with tempfile.TemporaryDirectory() as empty:
            done = dure("run", "Hi", DURE_MODEL_DIR=empty)
        self.assertGreater(done.returncode, 0)
        self.assertIn("dure pull", done.stderr)

    def test_context_overflow_has_the_numbers(self):
        done = dure("generate", "--model", str(MODEL), "--prompt-file", self.prompt_file("word " * 100),
                    "--context", "32", "--json")
        self.assertGreater(done.returncode, 0)
        self.assertIn("32", done.stderr)


if __name__ == "__main__":
    program = sys.argv[1]
    if not MODEL.exists():
        print(f"needs {MODEL}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
