#!/usr/bin/env python3
"""usage: chats_test.py DURE: conversations of the web app on the real program with a real model."""

import json
import pathlib
import sys
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from dure_server import Server, require_model  # noqa: E402

SAMPLING = {"temperature": 0.9, "top_k": 40, "seed": 77, "max_tokens": 400, "repetition_penalty": 1.1}
QUESTION = "Tell me a long story about a lighthouse keeper and the sea, with many details."


class Restartable(Server):
    def kill(self):
        self.process.kill()
        self.process.wait(30)
        self.process.stdout.close()
        self.errors.close()

    def call(self, method: str, path: str, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method,
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
            return json.loads(text) if text else None

    def events(self, message: str, after: int = 0, stop_after: int = 1 << 30):
        """(id, type, data) of each event until the end of the stream, at most stop_after."""
        found = []
        fields = {}
        url = f"{self.url}/api/app/messages/{message}/events?after={after}"
        with urllib.request.urlopen(url, timeout=120) as stream:
            for line in stream:
                line = line.decode().rstrip("\n")
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif fields:
                    found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
                    fields = {}
                    if len(found) == stop_after:
                        return found
        return found

    def ask(self, **more):
        chat = self.call("POST", "/api/app/conversations", {"sampling": SAMPLING})
        said = self.call("POST", f"/api/app/conversations/{chat['id']}/messages", {"content": QUESTION, **more})
        return chat["id"], said["message"], said["answer"]


def text_of(events) -> str:
    return "".join(data["text"] for _, kind, data in events if kind == "text")


def check(true, what):
    if not true:
        raise AssertionError(what)


def readers_in_step(server):
    """Two readers, one of them late and one coming back, see the same; gives the whole answer."""
    _, _, answer = server.ask()
    seen = {}
    thread = threading.Thread(target=lambda: seen.update(whole=server.events(answer["id"])))
    thread.start()
    first = server.events(answer["id"], stop_after=20)
    rest = server.events(answer["id"], after=first[-1][0])
    thread.join()
    check(seen["whole"] == first + rest, "two readers saw different events")
    check(seen["whole"][-1][1] == "end", "the stream has no end")
    ids = [event[0] for event in seen["whole"]]
    check(ids == sorted(set(ids)), "ids ascend")
    message = server.call("GET", f"/api/app/messages/{answer['id']}")
    check(message["content"] == text_of(seen["whole"]), "the message is what was streamed")
    check(server.call("GET", f"/api/app/conversations/{message['conversation_id']}")["title"], "no title")
    later = server.events(answer["id"])
    check([event[1] for event in later] == ["snapshot", "end"], f"{later}")
    check(later[0][2]["text"] == message["content"], "the snapshot is the message")
    return message["content"]


def killed_in_mid_answer(server, whole: str):
    _, _, answer = server.ask()
    before = server.events(answer["id"], stop_after=40)
    time.sleep(0.3)  # what was said is on disk within a tenth of a second
    server.kill()
    server.__enter__()
    after = server.events(answer["id"], after=before[-1][0])
    check(after[-1][1] == "end", "it did not go on")
    check(text_of(before) + text_of(after) == whole, "other words than without the crash")
    message = server.call("GET", f"/api/app/messages/{answer['id']}")
    check(message["content"] == whole and message["status"] == "complete", f"{message}")


def stop_and_delete(server):
    word = "quetzalcoatlus"
    chat = server.call("POST", "/api/app/conversations", {"sampling": SAMPLING})
    path = f"/api/app/conversations/{chat['id']}"
    said = server.call("POST", path + "/messages", {"content": word + " " + QUESTION, "id": "msg_0123456789abcdef"})
    again = server.call("POST", path + "/messages", {"content": word, "id": "msg_0123456789abcdef"})
    check(again["answer"]["id"] == said["answer"]["id"], "a repeated request made another message")
    server.events(said["answer"]["id"], stop_after=5)
    server.call("POST", f"/api/app/messages/{said['answer']['id']}/stop")
    end = server.events(said["answer"]["id"])[-1]
    check(end[2]["status"] == "stopped", f"{end}")
    hits = server.call("GET", "/api/app/search?q=" + word)["data"]
    check(len(hits) == 1 and hits[0]["conversation"]["id"] == chat["id"], f"{hits}")
    other = server.call("POST", f"/api/app/messages/{said['message']['id']}/answers", {})["answer"]
    check(len(other["siblings"]) == 2, f"{other}")
    server.call("DELETE", path)  # while it answers
    server.wait_until_idle()
    check(server.call("GET", "/api/app/search?q=" + word)["data"] == [], "found after its deletion")
    for file in (pathlib.Path(server.folder.name) / "data").glob("dure.sqlite3*"):
        check(word.encode() not in file.read_bytes(), f"{file.name} still holds it")
    try:
        server.call("GET", path)
        raise AssertionError("it is still there")
    except urllib.error.HTTPError as error:
        check(error.code == 404, f"{error}")


def main() -> int:
    model = require_model()
    with Restartable(sys.argv[1], "--model", str(model), "--threads", "2") as server:
        whole = readers_in_step(server)
        killed_in_mid_answer(server, whole)
        stop_and_delete(server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
