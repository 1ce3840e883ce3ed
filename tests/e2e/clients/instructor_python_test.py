"""Instructor, unmodified, against the server at DURE_URL."""

import json
import os
import unittest
import urllib.request

import instructor
import openai
import pydantic

URL = os.environ["DURE_URL"]
QUESTION = [{"role": "user", "content": "Ann is 30 years old. Describe Ann."}]


class Person(pydantic.BaseModel):
    name: str
    age: int


class Instructor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with urllib.request.urlopen(URL + "/v1/models", timeout=30) as answer:
            cls.model = json.load(answer)["data"][0]["id"]

    def ask(self, mode: instructor.Mode, kind="create", model: str = "", messages=None, **more):
        client = instructor.from_openai(openai.OpenAI(base_url=URL + "/v1", api_key="any key", max_retries=0), mode=mode)
        return getattr(client.chat.completions, kind)(model=model or self.model, messages=messages or QUESTION, max_tokens=200,
                                                      temperature=0, max_retries=0, **({"response_model": Person} | more))

    def test_every_way_to_ask_for_an_object(self):
        for mode in (instructor.Mode.TOOLS, instructor.Mode.TOOLS_STRICT, instructor.Mode.JSON_SCHEMA):
            with self.subTest(mode):
                self.assertIsInstance(self.ask(mode), Person)

    def test_an_object_that_grows(self):
        people = list(self.ask(instructor.Mode.JSON_SCHEMA, "create_partial"))
        self.assertTrue(people[-1].name)
        self.assertIsNotNone(people[-1].age)

    def test_errors(self):
        with self.assertRaises(Exception) as missing:
            self.ask(instructor.Mode.JSON_SCHEMA, model="none")
        self.assertIn("does not exist", str(missing.exception))


if __name__ == "__main__":
    unittest.main(verbosity=2)
