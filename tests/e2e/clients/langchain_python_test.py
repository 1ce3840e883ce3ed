"""LangChain's client for OpenAI, unmodified, against the server at DURE_URL."""

import json
import os
import unittest
import urllib.request

import openai
import pydantic
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

URL = os.environ["DURE_URL"]


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"21 degrees in {city}"


class Person(pydantic.BaseModel):
    name: str
    age: int


class LangChain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with urllib.request.urlopen(URL + "/v1/models", timeout=30) as answer:
            cls.model = json.load(answer)["data"][0]["id"]

    def chat(self, model: str = "", **more) -> ChatOpenAI:
        return ChatOpenAI(model=model or self.model, base_url=URL + "/v1", api_key="any key", max_retries=0,
                          **({"temperature": 0, "max_tokens": 30} | more))

    def test_whole_and_streamed(self):
        whole = self.chat().invoke("Say hello.")
        self.assertTrue(whole.content)
        self.assertGreater(whole.usage_metadata["output_tokens"], 0)
        self.assertEqual("".join(piece.content for piece in self.chat().stream("Say hello.")), whole.content)

    def test_tools(self):
        bound = self.chat(max_tokens=100).bind_tools([weather], tool_choice="weather")
        question = HumanMessage("What is the weather in Seoul?")
        asked = bound.invoke([question])
        self.assertEqual(asked.tool_calls[0]["name"], "weather")
        self.assertEqual(set(asked.tool_calls[0]["args"]), {"city"})
        streamed = None
        for piece in bound.stream([question]):
            streamed = piece if streamed is None else streamed + piece
        self.assertEqual(streamed.tool_calls[0]["args"], asked.tool_calls[0]["args"])
        result = ToolMessage(weather.invoke(asked.tool_calls[0]["args"]), tool_call_id=asked.tool_calls[0]["id"])
        self.assertIsInstance(self.chat().bind_tools([weather]).invoke([question, asked, result]), AIMessage)

    def test_structured_answers(self):
        for method in ("json_schema", "function_calling"):
            person = self.chat(max_tokens=200).with_structured_output(Person, method=method).invoke("Ann is 30 years old.")
            self.assertIsInstance(person, Person)

    def test_errors(self):
        with self.assertRaises(openai.NotFoundError):
            self.chat("none").invoke("hi")
        with self.assertRaises(openai.BadRequestError):
            self.chat().invoke("word " * 40000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
