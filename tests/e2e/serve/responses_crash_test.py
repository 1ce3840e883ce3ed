#!/usr/bin/env python3
"""usage: responses_crash_test.py PROGRAM: a server that is killed in mid-response, and the one that is started after it."""

import json
import pathlib
import signal
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from dure_server import Server, require_model  # noqa: E402

program = sys.argv.pop(1)
model = str(require_model())


def post(server: Server, path: str, body: dict) -> dict:
    request = urllib.request.Request(server.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def events(server: Server, response_id: str, after: int | None = None):
    more = "" if after is None else f"&starting_after={after}"
    with urllib.request.urlopen(f"{server.url}/v1/responses/{response_id}?stream=true{more}", timeout=60) as stream:
        for line in stream:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


class Crash(unittest.TestCase):
    def test_a_response_is_resumed_after_the_server_was_killed(self):
        with tempfile.TemporaryDirectory() as data:
            seen = []
            with Server(program, "--model", model, data=data) as server:
                ask = {"model": server.model(), "input": "Count from one to a thousand.", "max_output_tokens": 4000,
                       "logit_bias": {"0": -100, "2": -100}}
                done = post(server, "/v1/responses", ask | {"max_output_tokens": 5})
                self.assertEqual(done["status"], "incomplete")
                made = post(server, "/v1/responses", ask | {"background": True})
                for event in events(server, made["id"]):
                    seen.append(event)
                    if len(seen) == 60:
                        break
                server.process.send_signal(signal.SIGKILL)
                server.process.wait(30)
            with Server(program, "--model", model, data=data) as server:
                self.assertEqual(server.get(f"/v1/responses/{done['id']}"), done)
                failed = server.get(f"/v1/responses/{made['id']}")
                self.assertEqual(failed["status"], "failed")
                self.assertEqual(failed["error"]["code"], "server_error")
                # The last tenth of a second may be lost; what was kept is the beginning of what was told.
                told = "".join(e["delta"] for e in seen if e["type"] == "response.output_text.delta")
                kept = failed["output"][0]["content"][0]["text"]
                self.assertTrue(kept.startswith(told) or told.startswith(kept))
                self.assertGreater(len(kept), 20)
                again = list(events(server, made["id"]))
                self.assertEqual([e["sequence_number"] for e in again], list(range(len(again))))
                common = min(len(seen), len(again) - 1)
                self.assertEqual(again[:common], seen[:common])
                self.assertEqual(again[-1]["type"], "response.failed")
                self.assertEqual(again[-1]["response"], failed)
                self.assertEqual(list(events(server, made["id"], 10)), again[11:])


if __name__ == "__main__":
    unittest.main(verbosity=2)
