#!/usr/bin/env python3
"""Whether a server that is asked for twice what it can do still does what it can, and is the same afterwards.

usage: run.py --model FILE [--dure PROGRAM] [--clients 64] [--seconds 180] [--probe-seconds 20] [--json]
       run.py --model FILE --requests 10000    memory after many short requests beside memory after 100

First --clients clients, each asking again as soon as it is answered, find what the server can do: the peak. Then requests come
at twice that rate whether or not earlier ones were answered (an open loop), each by the next client whose turn it is; a client that
is still busy sends its own beside it. Goodput is the tokens of whole answers in a second. Python's standard library is all that is needed.
"""

import argparse
import asyncio
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

WORDS = "time year people way day man thing woman life child world school state family student group country problem".split()


class Server:
    def __init__(self, program: str, model: str, extra: list[str]):
        self.folder = tempfile.TemporaryDirectory(prefix="dure-load-")
        self.process = subprocess.Popen([program, "serve", "--model", model, "--port", "0", "--data", self.folder.name, *extra],
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("Dure is ready at "):
            raise SystemExit(f"load: the server did not start: {line!r}")
        self.host, port = line.split()[-1].removeprefix("http://").split(":")
        self.port = int(port)
        self.model = self.get("/v1/models")["data"][0]["id"]

    def get(self, path: str):
        with urllib.request.urlopen(f"http://{self.host}:{self.port}{path}", timeout=10) as answer:
            return json.load(answer)

    def memory_mib(self) -> float:
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def busy(self) -> int:
        stats = self.get("/api/app/stats")["models"][0]
        return stats["running"] + stats["queued"]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


class Outcome:
    def __init__(self):
        self.status, self.tokens, self.first, self.stall, self.end, self.whole = 0, 0, None, 0.0, 0.0, False


async def ask(server: Server, body: dict, begun: float) -> Outcome:
    """One request over a connection of its own; reads the stream as it comes."""
    out = Outcome()
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        text = json.dumps(body).encode()
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                     b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
        await writer.drain()
        out.status = int((await reader.readline()).split()[1])
        last = None
        async for line in reader:
            if line.startswith(b"data: [DONE]"):
                out.whole = True
            if not line.startswith(b"data: {"):
                continue
            now = time.perf_counter()
            event = json.loads(line[6:])
            if any(choice["delta"].get("content") for choice in event.get("choices", [])):
                if out.first is None:
                    out.first = now - begun
                else:
                    out.stall = max(out.stall, now - last)
                last = now
            if event.get("usage"):
                out.tokens = event["usage"]["completion_tokens"]
    except (OSError, ValueError, IndexError):
        pass
    finally:
        writer.close()
    out.end = time.perf_counter()
    return out


def body_of(server: Server, options, index: int) -> dict:
    chance = random.Random(index)
    words = " ".join(chance.choice(WORDS) for _ in range(options.prompt_words))
    return {"model": server.model, "messages": [{"role": "user", "content": words}], "max_tokens": options.max_tokens,
            "seed": index, "stream": True, "stream_options": {"include_usage": True}}


async def find_peak(server: Server, options) -> dict:
    """Closed loop: the rates at which --clients busy clients are answered."""
    end = time.perf_counter() + options.probe_seconds
    done: list[Outcome] = []

    async def client(index: int):
        turn = 0
        while time.perf_counter() < end:
            done.append(await ask(server, body_of(server, options, index * 1000 + turn), time.perf_counter()))
            turn += 1

    begun = time.perf_counter()
    await asyncio.gather(*(client(i) for i in range(options.clients)))
    seconds = time.perf_counter() - begun
    return {"requests_per_second": len(done) / seconds, "tokens_per_second": sum(o.tokens for o in done) / seconds}


async def overload(server: Server, options, rate: float) -> dict:
    begun = time.perf_counter()
    memory, running, done, health = [], set(), [], []

    async def watch():
        while True:
            await asyncio.sleep(1)
            memory.append(server.memory_mib())
            at = time.perf_counter()
            await asyncio.to_thread(server.get, "/health")
            health.append(time.perf_counter() - at)

    def ended(task):
        running.discard(task)
        if not task.cancelled():
            done.append(task.result())

    watcher = asyncio.create_task(watch())
    sent = 0
    while (now := time.perf_counter()) < begun + options.seconds:
        task = asyncio.create_task(ask(server, body_of(server, options, 10_000_000 + sent), now))
        running.add(task)
        task.add_done_callback(ended)
        sent += 1
        await asyncio.sleep(max(0.0, begun + sent / rate - time.perf_counter()))
    over = time.perf_counter()
    in_time = [o for o in done if o.whole]
    watcher.cancel()
    for task in list(running):  # the clients leave
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    idle_at = time.perf_counter()
    while await asyncio.to_thread(server.busy) > 0 and time.perf_counter() < idle_at + 60:
        await asyncio.sleep(0.05)
    warm = memory[len(memory) // 2:]  # the KV cache grows until it is full, and stays
    refused = [o for o in done if o.status in (429, 503)]
    firsts = sorted(o.first for o in in_time if o.first is not None)
    return {"sent": sent, "answered": len(in_time), "refused": len(refused),
            "other": len(done) - len(in_time) - len(refused),
            "goodput_tokens_per_second": sum(o.tokens for o in in_time) / (over - begun),
            "first_token_median_s": firsts[len(firsts) // 2] if firsts else None,
            "worst_stall_s": max((o.stall for o in in_time), default=0.0),
            "health_worst_ms": 1000 * max(health, default=0.0),
            "memory_growth_mib": warm[-1] - warm[0] if warm else 0.0,
            "idle_after_s": time.perf_counter() - idle_at, "same_process": server.process.poll() is None}


async def many_requests(server: Server, options) -> dict:
    async def some(first: int, count: int):
        turn = iter(range(first, first + count))

        async def client():
            for index in turn:
                # Few prompts, so that it is not the KV cache that grows.
                body = body_of(server, options, index % 8) | {"max_tokens": 1}
                outcome = await ask(server, body, time.perf_counter())
                assert outcome.status == 200 and outcome.whole, outcome.status
        await asyncio.gather(*(client() for _ in range(8)))

    await some(0, 100)
    early = server.memory_mib()
    await some(100, options.requests - 100)
    late = server.memory_mib()
    return {"requests": options.requests, "memory_after_100_mib": early, "memory_after_all_mib": late, "growth_mib": late - early}


def verdicts(result: dict) -> dict:
    if "growth_mib" in result:
        return {"memory grew by at most 16 MiB": result["growth_mib"] <= 16}
    return {"goodput is at least 90% of the peak": result["goodput_tokens_per_second"] >= 0.9 * result["tokens_per_second"],
            "no stream stalled for more than 2 s": result["worst_stall_s"] <= 2,
            "memory stayed within 32 MiB": abs(result["memory_growth_mib"]) <= 32,
            "the process is the same": result["same_process"],
            "idle within 5 s": result["idle_after_s"] <= 5}


async def run(server: Server, options) -> dict:
    await ask(server, body_of(server, options, 1), time.perf_counter())
    if options.requests:
        return await many_requests(server, options)
    peak = await find_peak(server, options)
    return peak | await overload(server, options, 2 * peak["requests_per_second"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--dure", default="build/release/dure")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--probe-seconds", type=float, default=20)
    parser.add_argument("--prompt-words", type=int, default=32)
    parser.add_argument("--max-tokens", type=int, default=32)
    parser.add_argument("--requests", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    # Everything asked for at once may wait; what waits longer than this is refused.
    server = Server(options.dure, options.model, ["--max-queue", str(options.clients), "--queue-deadline", "10"])
    try:
        result = asyncio.run(run(server, options))
    finally:
        code = server.stop()
    result |= {"verdicts": verdicts(result), "exit_code": code}
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:28} {value if not isinstance(value, float) else round(value, 3)}")
    return 0 if all(result["verdicts"].values()) and code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
