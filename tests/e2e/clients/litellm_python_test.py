"""LiteLLM, unmodified, against the server at DURE_URL."""

import json
import os
import unittest
import urllib.request

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # ask nobody for prices
import litellm  # noqa: E402

URL = os.environ["DURE_URL"]
TOOL = {"type": "function", "function": {"name": "weather", "description": "The weather of a city.", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}}}


class LiteLlm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with urllib.request.urlopen(URL + "/v1/models", timeout=30) as answer:
            cls.model = json.load(answer)["data"][0]["id"]

    def ask(self, text: str, model: str = "", provider: str = "openai", base: str = "/v1", **more):
        return litellm.completion(model=f"{provider}/{model or self.model}", api_base=URL + base, api_key="any key",
                                  num_retries=0, messages=[{"role": "user", "content": text}],
                                  **({"max_tokens": 30, "temperature": 0} | more))

    def test_whole_and_streamed(self):
        whole = self.ask("Say hello.")
        self.assertTrue(whole.choices[0].message.content)
        self.assertGreater(whole.usage.completion_tokens, 0)
        pieces = [chunk.choices[0].delta.content or "" for chunk in self.ask("Say hello.", stream=True)]
        self.assertEqual("".join(pieces), whole.choices[0].message.content)

    def test_through_the_messages_api(self):
        answer = self.ask("Say hello.", provider="anthropic", base="")
        self.assertTrue(answer.choices[0].message.content)

    def test_tools(self):
        ask = dict(tools=[TOOL], tool_choice="required", max_tokens=100)
        call = self.ask("What is the weather in Seoul?", **ask).choices[0].message.tool_calls[0].function
        self.assertEqual(call.name, "weather")
        self.assertEqual(set(json.loads(call.arguments)), {"city"})
        chunks = list(self.ask("What is the weather in Seoul?", stream=True, **ask))
        built = litellm.stream_chunk_builder(chunks)
        self.assertEqual(built.choices[0].message.tool_calls[0].function.arguments, call.arguments)

    def test_structured_answer(self):
        schema = {"type": "object", "properties": {"colour": {"enum": ["red", "green"]}}, "required": ["colour"],
                  "additionalProperties": False}
        answer = self.ask("What colour is grass?", max_tokens=100, response_format={
            "type": "json_schema", "json_schema": {"name": "colour", "strict": True, "schema": schema}})
        self.assertIn(json.loads(answer.choices[0].message.content)["colour"], ("red", "green"))

    def test_errors(self):
        with self.assertRaises(litellm.NotFoundError):
            self.ask("hi", model="none")
        with self.assertRaises(litellm.BadRequestError):
            self.ask("hi", temperature=9)
        with self.assertRaises(litellm.BadRequestError):
            self.ask("word " * 40000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
