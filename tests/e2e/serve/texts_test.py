#!/usr/bin/env python3
"""usage: texts_test.py PROGRAM DATA: embeddings equal to recorded ones (DATA/logits/minilm.json), and that the routes
about tokens and templates say what the commands say."""

import base64
import json
import math
import pathlib
import struct
import subprocess
import sys
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from dure_server import SMALL_MODEL, Server, require_model  # noqa: E402

program = sys.argv.pop(1)
data = pathlib.Path(sys.argv.pop(1))
CHAT_FILE = str(require_model())
EMBEDDER = require_model("all-MiniLM-L6-v2")
CHAT_MODEL = SMALL_MODEL.removesuffix(".gguf")
TEXTS = ["Hello", "안녕하세요", "", "<|im_start|>user", "a  b\n\nc"]


def command(name: str, given, *more: str):
    done = subprocess.run([program, name, "--model", CHAT_FILE, "--json", *more], input=json.dumps(given),
                          capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)


class Texts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(program, "--model", CHAT_FILE, "--model", str(EMBEDDER)).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def post(self, route: str, body: dict) -> dict:
        request = urllib.request.Request(f"{self.server.url}/v1/{route}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def refusal(self, route: str, body: dict) -> dict:
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.post(route, body)
        with refused.exception as error:
            return json.load(error)["error"]

    def embed(self, inputs, **more) -> dict:
        return self.post("embeddings", {"model": EMBEDDER.name, "input": inputs, **more})

    def test_models_tell_their_kind(self):
        with urllib.request.urlopen(self.server.url + "/v1/models", timeout=30) as answer:
            models = {model["id"]: model for model in json.load(answer)["data"]}
        self.assertEqual(models[CHAT_MODEL]["kind"], "text")
        self.assertEqual(models[EMBEDDER.name]["kind"], "embedding")
        self.assertEqual(models[EMBEDDER.name]["context_length"], 512)

    def test_vectors_are_those_recorded(self):
        recorded = json.loads((data / "logits/minilm.json").read_text("utf-8"))
        entries = recorded if isinstance(recorded, list) else recorded["texts"]
        answer = self.embed([entry["text"] for entry in entries])
        self.assertEqual(answer["usage"]["prompt_tokens"], sum(len(entry["tokens"]) for entry in entries))
        for entry, got in zip(entries, answer["data"], strict=True):
            cosine = sum(a * b for a, b in zip(entry["vector"], got["embedding"]))
            length = math.sqrt(sum(a * a for a in entry["vector"]))
            self.assertGreaterEqual(cosine / length, 1 - 1e-4, entry["text"])

    def test_base64_tokens_and_company_change_nothing(self):
        texts = ["one text", "another, longer text with more words in it", "x"]
        together = [entry["embedding"] for entry in self.embed(texts)["data"]]
        coded = [list(struct.unpack("<384f", base64.b64decode(entry["embedding"])))
                 for entry in self.embed(texts, encoding_format="base64")["data"]]
        tokens = self.post("tokenize", {"model": EMBEDDER.name, "input": texts})["tokens"]
        of_tokens = [entry["embedding"] for entry in self.embed(tokens)["data"]]
        for i, text in enumerate(texts):
            alone = self.embed(text)["data"][0]["embedding"]
            floats = list(struct.unpack("<384f", struct.pack("<384f", *alone)))
            self.assertEqual(together[i], alone)
            self.assertEqual(of_tokens[i], alone)
            self.assertEqual(coded[i], floats)

    def test_refusals(self):
        too_long = self.refusal("embeddings", {"model": EMBEDDER.name, "input": ["x", "word " * 600]})
        self.assertEqual(too_long["code"], "context_length_exceeded")
        self.assertIn("602 tokens", too_long["message"])
        chat = self.refusal("chat/completions", {"model": EMBEDDER.name,
                                                 "messages": [{"role": "user", "content": "Hi"}]})
        self.assertEqual((chat["code"], chat["param"]), ("unsupported_value", "model"))
        text = self.refusal("embeddings", {"model": CHAT_MODEL, "input": "x"})
        self.assertEqual((text["code"], text["param"]), ("unsupported_value", "model"))
        size = self.refusal("embeddings", {"model": EMBEDDER.name, "input": "x", "dimensions": 64})
        self.assertEqual((size["code"], size["param"]), ("unsupported_parameter", "dimensions"))

    def test_tokens_are_those_of_the_command(self):
        for special, options in ((False, []), (True, ["--special"])):
            tokens = self.post("tokenize", {"model": CHAT_MODEL, "input": TEXTS, "special": special})["tokens"]
            self.assertEqual(tokens, command("tokenize", TEXTS, *options))
        for text in TEXTS:
            tokens = self.post("tokenize", {"model": CHAT_MODEL, "text": text})
            self.assertEqual(tokens["count"], len(tokens["tokens"]))
            back = self.post("detokenize", {"model": CHAT_MODEL, "tokens": tokens["tokens"]})
            self.assertEqual(back["text"], text)
        unknown = self.refusal("detokenize", {"model": CHAT_MODEL, "tokens": [10_000_000]})
        self.assertEqual((unknown["code"], unknown["param"]), ("invalid_value", "tokens"))

    def test_templates_are_those_of_the_command(self):
        chat = {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi <|im_end|>"}]}
        for add, options in ((True, []), (False, ["--no-generation-prompt"])):
            got = self.post("apply-template", {"model": CHAT_MODEL, **chat, "add_generation_prompt": add})
            self.assertEqual(got["prompt"], command("template", chat, *options)["prompt"])
            answer = self.post("completions", {"model": CHAT_MODEL, "prompt": got["tokens"], "max_tokens": 1})
            self.assertEqual(answer["usage"]["prompt_tokens"], len(got["tokens"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
