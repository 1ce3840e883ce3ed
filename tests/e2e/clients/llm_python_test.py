"""The command line tool `llm`, unmodified, against the server at DURE_URL."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import urllib.request

URL = os.environ["DURE_URL"]
LLM = pathlib.Path(sys.executable).with_name("llm")


class Llm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        with urllib.request.urlopen(URL + "/v1/models", timeout=30) as answer:
            model = json.load(answer)["data"][0]["id"]
        models = [{"model_id": name, "model_name": served, "api_base": URL + "/v1", "supports_schema": True,
                   "supports_tools": True} for name, served in (("dure", model), ("missing", "none"))]
        # JSON is YAML.
        (pathlib.Path(cls.folder.name) / "extra-openai-models.yaml").write_text(json.dumps(models))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def llm(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([LLM, *arguments], capture_output=True, text=True, timeout=300,
                              env=os.environ | {"LLM_USER_PATH": self.folder.name, "OPENAI_API_KEY": "any key"})

    def ask(self, prompt: str, *options: str) -> str:
        done = self.llm(prompt, "-m", "dure", "--key", "any key", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_whole_and_streamed(self):
        options = ("-o", "temperature", "0", "-o", "max_tokens", "30")
        whole = self.ask("Say hello.", "--no-stream", *options)
        self.assertTrue(whole.strip())
        self.assertEqual(self.ask("Say hello.", *options), whole)

    def test_a_chat_goes_on(self):
        self.ask("My name is Ann.", "-o", "max_tokens", "20")
        self.assertTrue(self.ask("What is my name?", "-c", "-o", "max_tokens", "20").strip())

    def test_schema(self):
        schema = json.dumps({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
                             "required": ["name", "age"], "additionalProperties": False})
        person = json.loads(self.ask("Ann is 30 years old. Describe Ann.", "--schema", schema, "-o", "max_tokens", "200"))
        self.assertEqual(set(person), {"name", "age"})
        self.assertIsInstance(person["age"], int)

    def test_tools(self):
        said = self.ask("What is the weather in Seoul?", "--functions",
                        'def weather(city: str) -> str:\n    "The weather of a city."\n    return "21 degrees"',
                        "-o", "max_tokens", "100", "-o", "temperature", "0")
        self.assertTrue(said.strip())

    def test_errors(self):
        done = self.llm("hi", "-m", "missing", "--key", "any key")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("does not exist", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
