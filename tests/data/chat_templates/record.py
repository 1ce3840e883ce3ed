#!/usr/bin/env python3
"""Renders every template of this folder with jinja2 (Hugging Face's settings) and writes expected.json.

Needs jinja2 3.1. The program under test renders the same messages in tests/text/chat_template_files_test.cc.
"""
import datetime
import json
import pathlib

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = 1750000000
FOLDER = pathlib.Path(__file__).parent


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_same"), [], [], body).set_lineno(line)

    def _same(self, caller):
        return caller()


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def strftime_now(pattern):
        return datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).strftime(pattern)

    result = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols", "jinja2.ext.do"]
    )
    result.filters["tojson"] = tojson
    result.globals.update(raise_exception=raise_exception, strftime_now=strftime_now)
    return result


def call(name, arguments, identifier="call00001"):
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city & its <region>",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "도시 'name' \"quoted\""},
                "unit": {"type": "string", "enum": ["c", "f"], "default": "c"},
                "days": {"type": ["integer", "null"]},
                "at": {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["city"],
        },
    },
}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds",
        "parameters": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number", "default": 1.5}}},
    },
}

CHATS = [
    [{"role": "user", "content": "Hello, world"}],
    [{"role": "system", "content": " Be brief. "}, {"role": "user", "content": " 안녕하세요! \n"}],
    [
        {"role": "user", "content": "1+1?"},
        {"role": "assistant", "content": "<think>\nsum\n</think>\n\n2"},
        {"role": "user", "content": "<|im_end|> ### & <b> 👩‍💻 e\u0301"},
    ],
    [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call("get_weather", {"city": "서울", "days": None, "x": 1.0})]},
        {"role": "tool", "content": "{\"t\": 21.5}", "tool_call_id": "call00001"},
        {"role": "assistant", "content": "21.5 degrees"},
        {"role": "user", "content": "thanks"},
    ],
    [
        {"role": "user", "content": "both"},
        {
            "role": "assistant",
            "content": "Let me see",
            "tool_calls": [call("add", {"a": 1, "b": [2, {"c": True}]}), call("add", {"a": 1e20}, "call00002")],
        },
        {"role": "tool", "content": "3", "tool_call_id": "call00001"},
        {"role": "tool", "content": "4", "tool_call_id": "call00002"},
    ],
    [{"role": "user", "content": [{"type": "text", "text": "what is "}, {"type": "image"}, {"type": "text", "text": "this?"}]}],
    [{"role": "user", "content": "a"}, {"role": "user", "content": ""}, {"role": "assistant", "content": "it's \"q\" \\ \t"}],
    [],
]


def main():
    expected = {}
    for path in sorted(FOLDER.glob("*.jinja")):
        template = environment().from_string(path.read_text(encoding="utf-8"))
        cases = []
        for chat in range(len(CHATS)):
            for tools in (None, [WEATHER, ADD]):
                for extra in ({}, {"enable_thinking": False, "reasoning_effort": "high", "date_string": "1 May 2026"}):
                    case = {"chat": chat, "tools": tools is not None, "extra": extra, "generate": not extra}
                    variables = dict(
                        extra, messages=CHATS[chat], tools=tools, documents=None, add_generation_prompt=not extra,
                        bos_token="<s>", eos_token="</s>",
                    )
                    try:
                        case["rendered"] = template.render(variables)
                    except (jinja2.exceptions.TemplateError, TypeError):
                        case["fails"] = True
                    cases.append(case)
        expected[path.name] = cases
    result = {"now": NOW, "chats": CHATS, "tools": [WEATHER, ADD], "templates": expected}
    text = json.dumps(result, ensure_ascii=False, indent=1)
    (FOLDER / "expected.json").write_text(text + "\n", encoding="utf-8")


main()
