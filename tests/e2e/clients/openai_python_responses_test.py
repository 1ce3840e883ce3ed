"""The Responses API with OpenAI's Python client, unmodified, against the server at DURE_URL."""

import json
import os
import time
import typing
import unittest

import openai
import pydantic

URL = os.environ["DURE_URL"]
FORBID_END = {"0": -100, "2": -100}  # the small model's end-of-turn tokens: the answer goes on to its limit
WEATHER = {"type": "function", "name": "get_weather", "description": "The weather at a place.", "strict": True,
           "parameters": {"type": "object", "additionalProperties": False, "required": ["city"],
                          "properties": {"city": {"enum": ["Seoul", "Busan"]}}}}


class Responses(unittest.TestCase):
    def setUp(self):
        self.client = openai.OpenAI(base_url=URL + "/v1", api_key="any key", max_retries=0)
        self.model = self.client.models.list().data[0].id

    def tearDown(self):
        self.client.close()

    def create(self, text="Hi", **more):
        return self.client.responses.create(**({"model": self.model, "input": text, "temperature": 0,
                                                "max_output_tokens": 30} | more))

    def endless(self, **more):
        return self.create("Tell me a long story.", max_output_tokens=4000, extra_body={"logit_bias": FORBID_END},
                           **more)

    def wait_for(self, response_id: str, *states: str):
        end = time.monotonic() + 30
        while (response := self.client.responses.retrieve(response_id)).status not in states:
            self.assertLess(time.monotonic(), end, response.status)
            time.sleep(0.02)
        return response

    def test_create_retrieve_delete(self):
        response = self.create(metadata={"who": "ann"})
        self.assertEqual(response.status, "completed")
        self.assertTrue(response.output_text)
        self.assertEqual(response.output[0].role, "assistant")
        self.assertEqual(response.usage.total_tokens, response.usage.input_tokens + response.usage.output_tokens)
        self.assertEqual(self.client.responses.retrieve(response.id), response)
        items = self.client.responses.input_items.list(response.id)
        self.assertEqual([item.content[0].text for item in items], ["Hi"])
        self.client.responses.delete(response.id)
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.retrieve(response.id)

    def test_the_stream_is_the_whole_response(self):
        whole = self.create()
        with self.client.responses.stream(model=self.model, input="Hi", temperature=0, max_output_tokens=30) as stream:
            names = [event.type for event in stream]
            final = stream.get_final_response()
        self.assertEqual(final.output_text, whole.output_text)
        self.assertEqual(names[:4], ["response.created", "response.in_progress", "response.output_item.added",
                                     "response.content_part.added"])
        self.assertEqual(names[-4:], ["response.output_text.done", "response.content_part.done",
                                      "response.output_item.done", "response.completed"])
        self.assertEqual(set(names[4:-4]), {"response.output_text.delta"})

    def test_without_store(self):
        whole = self.create(store=False)
        streamed = [event for event in self.create(store=False, stream=True)]
        self.assertEqual(streamed[-1].response.output_text, whole.output_text)
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.retrieve(whole.id)

    def test_a_conversation(self):
        first = self.create("My name is Ann.", instructions="Be brief.")
        second = self.create("What is my name?", previous_response_id=first.id)
        by_hand = self.create([{"role": "user", "content": "My name is Ann."}, *first.output,
                               {"role": "user", "content": "What is my name?"}])
        self.assertEqual(second.output_text, by_hand.output_text)
        self.assertEqual(second.usage.input_tokens, by_hand.usage.input_tokens)
        with self.assertRaises(openai.NotFoundError) as missing:
            self.create(previous_response_id="resp_none")
        self.assertEqual(missing.exception.param, "previous_response_id")

    def test_an_incomplete_response(self):
        response = self.create("Tell me a long story.", max_output_tokens=6)
        self.assertEqual(response.status, "incomplete")
        self.assertEqual(response.incomplete_details.reason, "max_output_tokens")

    def test_functions(self):
        ask = dict(text="What is the weather in Seoul?", tools=[WEATHER], tool_choice="required", parallel_tool_calls=False,
                   max_output_tokens=200)
        response = self.create(**ask)
        call = next(item for item in response.output if item.type == "function_call")
        self.assertEqual(call.name, "get_weather")
        self.assertIn(json.loads(call.arguments)["city"], ("Seoul", "Busan"))
        events = list(self.create(**ask, stream=True))
        arguments = "".join(e.delta for e in events if e.type == "response.function_call_arguments.delta")
        self.assertEqual(json.loads(arguments), json.loads(call.arguments))
        answer = self.create([{"type": "function_call_output", "call_id": call.call_id, "output": "Rain."}],
                             previous_response_id=response.id, tools=[WEATHER], tool_choice="none")
        self.assertTrue(answer.output_text)

    def test_parsed_answers(self):
        class Answer(pydantic.BaseModel):
            colour: typing.Literal["red", "green"]

        parsed = self.client.responses.parse(model=self.model, input="What colour is grass?", text_format=Answer,
                                             max_output_tokens=100).output_parsed
        self.assertIn(parsed.colour, ("red", "green"))

    def test_background(self):
        made = self.create(background=True)
        self.assertIn(made.status, ("queued", "in_progress"))
        done = self.wait_for(made.id, "completed")
        self.assertEqual(done.output_text, self.create().output_text)

    def test_cancel(self):
        made = self.endless(background=True)
        self.wait_for(made.id, "in_progress")
        cancelled = self.client.responses.cancel(made.id)
        self.assertEqual(cancelled.status, "cancelled")
        self.assertEqual(self.client.responses.retrieve(made.id).status, "cancelled")

    def test_resuming_a_stream(self):
        stream = self.create("Tell me a story.", background=True, stream=True, extra_body={"logit_bias": FORBID_END})
        seen = []
        for event in stream:
            seen.append(event)
            if event.sequence_number == 8:
                break
        stream.close()
        rest = list(self.client.responses.retrieve(seen[0].response.id, stream=True, starting_after=8))
        self.assertEqual(rest[0].sequence_number, 9)
        self.assertEqual(rest[-1].type, "response.incomplete")
        text = "".join(e.delta for e in seen + rest if e.type == "response.output_text.delta")
        self.assertEqual(text, rest[-1].response.output_text)

    def test_leaving_ends_what_is_not_in_the_background(self):
        stream = self.endless(stream=True)
        response_id = next(iter(stream)).response.id
        stream.close()
        self.wait_for(response_id, "cancelled")

    def test_errors(self):
        def error(kind, **request) -> openai.APIStatusError:
            with self.assertRaises(kind) as raised:
                self.create(**request)
            return raised.exception

        self.assertEqual(error(openai.NotFoundError, model="gpt-none").code, "model_not_found")
        self.assertEqual(error(openai.BadRequestError, extra_body={"frobnicate": 1}).param, "frobnicate")
        self.assertEqual(error(openai.BadRequestError, tools=[{"type": "web_search"}]).param, "tools[0].type")
        self.assertEqual(error(openai.BadRequestError, truncation="auto").param, "truncation")
        for more in ({}, {"stream": True}, {"background": True}, {"store": False}):
            self.assertEqual(error(openai.BadRequestError, text="word " * 20000, **more).code, "context_length_exceeded")


if __name__ == "__main__":
    unittest.main(verbosity=2)
