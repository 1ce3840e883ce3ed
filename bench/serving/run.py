#!/usr/bin/env python3
"""How servers hold up under many clients, how soon the next turn of a chat begins, and what memory they take.

usage: run.py --model FILE [--dure PROGRAM] [--llama-server PROGRAM] [options]

Each server is started on the same file with the same threads, measured, and stopped; they take turns, --repeat times. Clients
speak the OpenAI API and read the stream as it comes. Python's standard library is all that is needed.
"""

import argparse
import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

WORDS = """time year people way day man thing woman life child world school state family student group country problem hand
part place case week company system program question work government number night point home water room mother area money
story fact month lot right study book eye job word business issue side kind head house service friend father power hour game
line end member law car city community name president team minute idea kid body information back parent face others level
office door health person art war history party result change morning reason research girl guy moment air teacher force""".split()


READY = {"dure": "/ready", "llama.cpp": "/health"}  # answers 200 when the model is loaded


def text_of(words: int, seed: int) -> str:
    """Text that no two seeds share; about 1.1 tokens a word."""
    choice = random.Random(seed)
    return " ".join(choice.choice(WORDS) for _ in range(words))


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A server process on a free port, ready when it answers."""

    def __init__(self, name: str, command: list[str], port: int, log: pathlib.Path):
        self.name, self.port = name, port
        started = time.perf_counter()
        with log.open("w") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out)
        while True:
            if self.process.poll() is not None:
                raise SystemExit(f"serving: {name} ended at its start; the last of its log:\n{log.read_text()[-2000:]}")
            if time.perf_counter() - started > 300:
                raise SystemExit(f"serving: {name} was not ready after 300 s")
            with contextlib.suppress(OSError, urllib.error.HTTPError):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{READY[name]}", timeout=5) as answer:
                    if answer.status == 200:
                        break
            time.sleep(0.05)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=10) as answer:
            self.model = json.load(answer)["data"][0]["id"]

    def memory(self, field: str) -> float:
        """VmRSS or VmHWM in MB."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
        return 0.0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def stream_chat(server: Server, messages: list[dict], max_tokens: int) -> tuple[float, float, int, str]:
    """Seconds to the first text, seconds to the end, completion tokens, text."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    body = {"model": server.model, "messages": messages, "max_tokens": max_tokens, "temperature": 0, "stream": True,
            "stream_options": {"include_usage": True}}
    start = time.perf_counter()
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise SystemExit(f"serving: status {answer.status}: {answer.read(500)!r}")
    first, tokens, text = None, 0, []
    for line in answer:
        if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
            continue
        event = json.loads(line[6:])
        for choice in event.get("choices", []):
            content = choice.get("delta", {}).get("content")
            if content:
                first = first or time.perf_counter() - start
                text.append(content)
        if event.get("usage"):
            tokens = event["usage"]["completion_tokens"]
    connection.close()
    end = time.perf_counter() - start
    return first or end, end, tokens, "".join(text)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def load(server: Server, clients: int, rounds: int, prompt_words: int, max_tokens: int, seed: int) -> dict:
    """`clients` at once, each `rounds` requests one after the other, all with prompts of their own."""
    def client(index: int):
        return [stream_chat(server, [{"role": "user", "content": text_of(prompt_words, seed + index * rounds + i)}],
                            max_tokens) for i in range(rounds)]
    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        answers = [answer for answers in pool.map(client, range(clients)) for answer in answers]
    seconds = time.perf_counter() - start
    firsts = [answer[0] for answer in answers]
    return {"tokens_per_second": sum(answer[2] for answer in answers) / seconds,
            "ttft_median_s": statistics.median(firsts), "ttft_p95_s": percentile(firsts, 0.95)}


def next_turn(server: Server, words: int, seed: int) -> dict:
    """A chat with a long first message; then a short question on top of it."""
    messages = [{"role": "user", "content": text_of(words, seed)}]
    first = stream_chat(server, messages, 32)
    messages += [{"role": "assistant", "content": first[3]}, {"role": "user", "content": "And why is that?"}]
    second = stream_chat(server, messages, 8)
    return {"first_turn_ttft_s": first[0], "next_turn_ttft_s": second[0]}


def measure(name: str, command: list[str], port: int, options, seed: int) -> dict:
    log = pathlib.Path(tempfile.gettempdir()) / f"serving-{name}.log"
    server = Server(name, command, port, log)
    try:
        stream_chat(server, [{"role": "user", "content": "Hello"}], 4)
        result = next_turn(server, options.turn_words, seed)
        result |= load(server, options.clients, options.rounds, options.prompt_words, options.max_tokens, seed + 1000)
        result["peak_mb"] = server.memory("VmHWM")
        return result
    finally:
        server.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--model", required=True, help="a GGUF file with a chat template")
    parser.add_argument("--dure", default=str(root / "build/release/dure"))
    parser.add_argument("--llama-server", help="llama.cpp's server; without it Dure is measured alone")
    parser.add_argument("--llama-parallel", type=int, help="its -np (default: as many as --clients)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=2, help="requests of each client")
    parser.add_argument("--prompt-words", type=int, default=180, help="about 220 tokens with the template")
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--turn-words", type=int, default=1150, help="of the long first message, about 1,300 tokens")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", help="write all results there, too")
    options = parser.parse_args()

    def dure(port: int) -> list[str]:
        data = tempfile.mkdtemp(prefix="serving-")
        return [options.dure, "serve", "--model", options.model, "--threads", str(options.threads), "--port", str(port),
                "--data", data]

    def llama(port: int) -> list[str]:
        slots = options.llama_parallel or options.clients
        context = max(slots * 512, 4096)
        return [options.llama_server, "-m", options.model, "-t", str(options.threads), "--port", str(port), "-np", str(slots),
                "-c", str(context), "--kv-unified"]

    contenders = {"dure": dure} | ({"llama.cpp": llama} if options.llama_server else {})
    results: dict[str, list[dict]] = {name: [] for name in contenders}
    for repeat in range(options.repeat):
        order = list(contenders) if repeat % 2 == 0 else list(reversed(contenders))
        for name in order:
            port = free_port()
            results[name].append(measure(name, contenders[name](port), port, options, 10_000 * repeat))
            print(f"{repeat + 1}/{options.repeat} {name}: "
                  + ", ".join(f"{key} {value:.3g}" for key, value in results[name][-1].items()), file=sys.stderr)
    print(f"{options.clients} clients, {options.rounds} requests each, {options.threads} threads: min / median / max")
    for key in results["dure"][0]:
        line = f"{key:20}"
        medians = {}
        for name, runs in results.items():
            values = sorted(run[key] for run in runs)
            medians[name] = statistics.median(values)
            line += f"  {name} {values[0]:.4g} / {medians[name]:.4g} / {values[-1]:.4g}"
        if len(medians) == 2 and medians["llama.cpp"] > 0:
            line += f"  ratio {medians['dure'] / medians['llama.cpp']:.2f}"
        print(line)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
