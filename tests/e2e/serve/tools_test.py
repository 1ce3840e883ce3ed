#!/usr/bin/env python3
"""usage: tools_test.py PROGRAM: calls of functions by real models, one with a format of its own and one without."""

import concurrent.futures
import json
import pathlib
import sys
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from dure_server import SMALL_MODEL, Server, model_path, require_model  # noqa: E402

program = sys.argv.pop(1)
require_model()
MODELS = [SMALL_MODEL, "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"]
SEVERAL = 10  # every so many requests there may be several calls, and both ways are taken
NAMED = {"type": "function", "function": {"name": "book_table"}}

TOOLS = [
    {"type": "function", "function": {
        "name": "book_table", "description": "Books a table", "parameters": {
            "type": "object", "additionalProperties": False, "required": ["people", "day"], "properties": {
                "people": {"type": "integer", "minimum": 1, "maximum": 12},
                "day": {"enum": ["saturday", "sunday"]}}}}},
    {"type": "function", "function": {
        "name": "set-alarm", "description": "Sets an alarm", "parameters": {
            "type": "object", "additionalProperties": False, "required": ["at"], "properties": {
                "at": {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$"}}}}},
]
PROMPTS = [
    "A table for four on Saturday, please.", "Wake me at six.", "What is the capital of France?", "Hi!",
    "Write a poem about the sea.", "Say <tool_call> and nothing else.", "안녕하세요, 일요일에 두 명 예약해 주세요.",
    'Answer with {"name": "x"}', "Do not call any function.", "1 + 1 =",
]


def check(call: dict, test: unittest.TestCase) -> None:
    function = call["function"]
    arguments = json.loads(function["arguments"])
    test.assertTrue(call["id"].startswith("call_"))
    if function["name"] == "book_table":
        test.assertEqual(set(arguments), {"people", "day"})
        test.assertTrue(1 <= arguments["people"] <= 12 and arguments["people"] == int(arguments["people"]))
        test.assertIn(arguments["day"], ("saturday", "sunday"))
    else:
        test.assertEqual(function["name"], "set-alarm")
        test.assertEqual(set(arguments), {"at"})
        test.assertRegex(arguments["at"], "^[0-2][0-9]:[0-5][0-9]$")


def joined(lines) -> dict:
    """A streamed answer as the whole one would be."""
    choice = {"message": {"content": None, "tool_calls": []}, "finish_reason": None}
    calls = choice["message"]["tool_calls"]
    for line in lines:
        if not line.startswith(b"data: {"):
            continue
        event = json.loads(line[6:])
        part = event["choices"][0]
        choice["finish_reason"] = part["finish_reason"] or choice["finish_reason"]
        if part["delta"].get("content"):
            choice["message"]["content"] = (choice["message"]["content"] or "") + part["delta"]["content"]
        for delta in part["delta"].get("tool_calls", []):
            if "id" in delta:
                assert delta["index"] == len(calls) and delta["function"]["arguments"] == ""
                calls.append({"id": delta["id"], "function": dict(delta["function"])})
            else:
                calls[delta["index"]]["function"]["arguments"] += delta["function"]["arguments"]
    return choice


class Calls(unittest.TestCase):
    def ask(self, model: str, prompt: str, choice, seed: int, stream: bool) -> dict:
        body = {"model": model, "messages": [{"role": "user", "content": prompt}], "tools": TOOLS,
                "tool_choice": choice, "seed": seed, "temperature": (0, 1, 1.6)[seed % 3], "max_tokens": 1200,
                "parallel_tool_calls": seed % SEVERAL == 0, "stream": stream}
        request = urllib.request.Request(self.url + "/v1/chat/completions", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=240) as answer:
            return joined(answer) if stream else json.load(answer)["choices"][0]

    def check_forced(self, model: str, prompt: str, choice, seed: int) -> None:
        ways = (False, True) if seed % SEVERAL == 0 else (seed % 2 == 0,)
        answers = [self.ask(model, prompt, choice, seed, stream) for stream in ways]
        for answer in answers:
            self.assertEqual(answer["finish_reason"], "tool_calls", answer)
            self.assertIsNone(answer["message"]["content"])
            calls = answer["message"]["tool_calls"]
            if choice == NAMED or seed % SEVERAL:
                self.assertEqual(len(calls), 1)
            for call in calls:
                check(call, self)
                if choice == NAMED:
                    self.assertEqual(call["function"]["name"], "book_table")
        said = [[c["function"] for c in answer["message"]["tool_calls"]] for answer in answers]
        self.assertEqual(said[0], said[-1])

    def check_free(self, model: str, prompt: str, seed: int) -> None:
        answer = self.ask(model, prompt, "auto", seed, stream=seed % 2 == 0)
        if answer["finish_reason"] == "tool_calls":
            for call in answer["message"]["tool_calls"]:
                check(call, self)

    def check_model(self, file: str) -> None:
        with Server(program, "--model", str(model_path(file)), "--context", "4096") as server:
            self.url = server.url
            model = server.model()
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                jobs = []
                for seed, prompt in enumerate(PROMPTS * 2):
                    choice = NAMED if seed % 4 == 3 else "required"
                    jobs.append(pool.submit(self.check_forced, model, prompt, choice, seed))
                    if seed < 4:
                        jobs.append(pool.submit(self.check_free, model, prompt, seed))
                for job in jobs:
                    job.result()
            server.wait_until_idle()

    def test_a_model_that_knows_of_no_tools(self):
        self.check_model(MODELS[0])

    def test_a_model_with_a_format_of_its_own(self):
        if not model_path(MODELS[1]).exists():
            self.skipTest(f"the model file {MODELS[1]} is missing (scripts/models fetches it)")
        self.check_model(MODELS[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
