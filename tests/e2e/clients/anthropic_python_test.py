"""Anthropic's Python client, unmodified, against the server at DURE_URL."""

import json
import os
import time
import unittest
import urllib.request

import anthropic

URL = os.environ["DURE_URL"]


def stats() -> dict:
    with urllib.request.urlopen(URL + "/api/app/stats", timeout=30) as answer:
        return json.load(answer)["models"][0]


def wait_until_idle(seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while (now := stats())["running"] or now["queued"]:
        if time.monotonic() > end:
            raise AssertionError(f"still running: {now}")
        time.sleep(0.02)


def user(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


class AnthropicPython(unittest.TestCase):
    def setUp(self):
        self.client = anthropic.Anthropic(base_url=URL, api_key="any key", max_retries=0)
        with urllib.request.urlopen(URL + "/v1/models", timeout=30) as answer:
            self.model = json.load(answer)["data"][0]["id"]

    def tearDown(self):
        self.client.close()

    def ask(self, body: dict | None = None, **more):
        # The client has no argument for the temperature any more.
        return self.client.messages.create(**({"model": self.model, "max_tokens": 30, "messages": user("Hi"),
                                               "extra_body": {"temperature": 0} | (body or {})} | more))

    def test_whole_message(self):
        message = self.ask()
        self.assertTrue(message.id.startswith("msg_"))
        self.assertEqual((message.type, message.role, message.model), ("message", "assistant", self.model))
        self.assertEqual([block.type for block in message.content], ["text"])
        self.assertTrue(message.content[0].text)
        self.assertEqual(message.stop_reason, "end_turn")
        self.assertIsNone(message.stop_sequence)
        self.assertGreater(message.usage.output_tokens, 1)

    def test_streamed_message_is_the_whole_one(self):
        whole = self.ask()
        with self.client.messages.stream(model=self.model, max_tokens=30, messages=user("Hi"),
                                         extra_body={"temperature": 0}) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
        self.assertEqual(text, whole.content[0].text)
        self.assertEqual(final.content[0].text, text)
        self.assertEqual(final.stop_reason, "end_turn")
        self.assertEqual(final.usage.output_tokens, whole.usage.output_tokens)
        total = [m.usage.input_tokens + m.usage.cache_read_input_tokens for m in (whole, final)]
        self.assertEqual(total[0], total[1])

    def test_events_in_order(self):
        names = [event.type for event in self.ask(stream=True, max_tokens=5)]
        self.assertEqual(names[:2], ["message_start", "content_block_start"])
        self.assertEqual(names[-3:], ["content_block_stop", "message_delta", "message_stop"])
        self.assertEqual(set(names[2:-3]), {"content_block_delta"})

    def test_system_turns_and_blocks(self):
        message = self.ask(system=[{"type": "text", "text": "Answer in one word.",
                                    "cache_control": {"type": "ephemeral"}}], max_tokens=5, messages=[
            {"role": "user", "content": [{"type": "text", "text": "My name is Ann."}, {"type": "text", "text": "Hi."}]},
            {"role": "assistant", "content": [{"type": "text", "text": "Hello Ann."}]},
            {"role": "user", "content": "What is my name?"}])
        self.assertTrue(message.content[0].text)
        again = self.ask(max_tokens=5, messages=[*user("Hi"), {"role": "assistant", "content": message.content},
                                                 *user("Go on")])
        self.assertTrue(again.content)

    def test_max_tokens(self):
        message = self.ask(messages=user("Tell me a long story."), max_tokens=6)
        self.assertEqual(message.stop_reason, "max_tokens")
        self.assertEqual(message.usage.output_tokens, 6)

    def test_stop_sequences(self):
        text = self.ask(messages=user("Tell me a story."), max_tokens=40).content[0].text
        stop = text[len(text) // 2:len(text) // 2 + 9]
        message = self.ask(messages=user("Tell me a story."), max_tokens=40, stop_sequences=["never said", stop])
        self.assertEqual(message.stop_reason, "stop_sequence")
        self.assertEqual(message.stop_sequence, stop)
        self.assertEqual(message.content[0].text, text[:text.index(stop)])

    def test_structured_answer(self):
        schema = {"type": "object", "additionalProperties": False, "required": ["colour"],
                  "properties": {"colour": {"enum": ["red", "green"]}}}
        message = self.ask(messages=user("What colour is grass?"), max_tokens=100,
                           output_config={"format": {"type": "json_schema", "schema": schema}})
        self.assertIn(json.loads(message.content[0].text)["colour"], ("red", "green"))

    def test_tools(self):
        tool = {"name": "get_weather", "description": "The weather at a place.", "strict": True, "input_schema": {
            "type": "object", "additionalProperties": False, "required": ["city"],
            "properties": {"city": {"enum": ["Seoul", "Busan"]}}}}
        question = user("What is the weather in Seoul?")
        ask = dict(messages=question, tools=[tool], max_tokens=200)
        for choice in ({"type": "any"}, {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}):
            message = self.ask(**ask, tool_choice=choice)
            self.assertEqual(message.stop_reason, "tool_use")
            call = next(block for block in message.content if block.type == "tool_use")
            self.assertEqual(call.name, "get_weather")
            self.assertIn(call.input["city"], ("Seoul", "Busan"))
            with self.client.messages.stream(model=self.model, tool_choice=choice, extra_body={"temperature": 0},
                                             **ask) as stream:
                final = stream.get_final_message()
            self.assertEqual(final.stop_reason, "tool_use")
            self.assertEqual([b.input for b in final.content if b.type == "tool_use"],
                             [b.input for b in message.content if b.type == "tool_use"])
        answer = self.ask(tools=[tool], tool_choice={"type": "none"}, messages=[
            *question, {"role": "assistant", "content": message.content},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": block.id, "content": "Rain."}
                                         for block in message.content if block.type == "tool_use"]}])
        self.assertTrue(answer.content[0].text)

    def test_errors(self):
        def error(kind, **request) -> dict:
            with self.assertRaises(kind) as raised:
                self.ask(**request)
            self.assertEqual(raised.exception.body["type"], "error")
            return raised.exception.body["error"]

        self.assertEqual(error(anthropic.NotFoundError, model="claude-none")["type"], "not_found_error")
        wrong = error(anthropic.BadRequestError, body={"temperature": 3})
        self.assertEqual((wrong["type"], wrong["param"]), ("invalid_request_error", "temperature"))
        self.assertEqual(error(anthropic.BadRequestError, body={"frobnicate": 1})["param"], "frobnicate")
        self.assertEqual(error(anthropic.BadRequestError, messages=[{"role": "user", "content": [
            {"type": "image", "source": {"type": "url", "url": "https://example.com/x.png"}}]}])["param"],
            "messages[0].content[0].type")
        for stream in (False, True):
            wrong = error(anthropic.BadRequestError, messages=user("word " * 20000), stream=stream)
            self.assertEqual(wrong["code"], "context_length_exceeded")

    def test_closing_a_stream_stops_the_generation(self):
        stream = self.ask(messages=user("Tell me a long story."), stream=True, max_tokens=4000,
                          body={"temperature": 1})
        for _, event in zip(range(4), stream):
            self.assertTrue(event.type)
        stream.close()
        wait_until_idle()


if __name__ == "__main__":
    unittest.main(verbosity=2)
