#!/usr/bin/env python3
"""Compares Dure's speed with llama.cpp's on this machine; see --help and bench/README.md.

Both sides run alternately, so that a machine that grows slower or faster meanwhile does so for both.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys

import llama_cpp

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = {
    "smollm2-135m": "SmolLM2-135M-Instruct.Q4_1.gguf",
    "qwen2.5-coder-0.5b": "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    "gemma3-270m": "gemma3-270m-q4_k_m.gguf",
}
STREAM_PROMPT = 128  # tokens of each stream's own prompt in the tests bN
STREAM_GENERATE = 128


@dataclasses.dataclass(frozen=True)
class Test:
    """pp512: a prompt of 512 tokens. tg128@2048: 128 tokens after 2048. b16: 16 streams at once."""

    name: str
    prompt: int
    generate: int
    depth: int = 0
    streams: int = 1


def parse_test(name: str) -> Test:
    if match := re.fullmatch(r"pp(\d+)", name):
        return Test(name, int(match[1]), 0)
    if match := re.fullmatch(r"tg(\d+)(?:@(\d+))?", name):
        return Test(name, 0, int(match[1]), int(match[2] or 0))
    if match := re.fullmatch(r"b(\d+)", name):
        return Test(name, STREAM_PROMPT, STREAM_GENERATE, 0, int(match[1]))
    raise argparse.ArgumentTypeError(f"'{name}' is no test; examples: pp512, tg128, tg128@2048, b16")


def model_path(name: str) -> str:
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    folder = os.environ.get("DURE_MODEL_DIR") or pathlib.Path(cache, "dure", "models")
    path = pathlib.Path(folder, MODELS[name]) if name in MODELS else pathlib.Path(name)
    if not path.exists():
        raise SystemExit(f"peers: no model file {path}")
    return str(path)


def measure_dure(program: str, model: str, test: Test, threads: int, environment: dict) -> float:
    """Tokens per second of one run of one test, after one to warm up. Unwanted tests are made one token short."""
    command = [program, "bench", "--model", model, "--threads", str(threads), "--repeat", "1", "--json",
               "--prompt", "1" if test.generate else str(test.prompt), "--generate", str(test.generate or 1),
               "--depth", str(test.depth)]
    if test.streams > 1:
        command += ["--parallel", str(test.streams)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise SystemExit(f"peers: {' '.join(command)}: {done.stderr.strip()}")
    records = {record["test"]: record for record in json.loads(done.stdout)}
    return records[test.name]["tokens_per_second"]["median"]


def describe_machine() -> dict:
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    flags = set(re.search(r"^flags\s*:\s*(.*)$", cpuinfo, re.MULTILINE)[1].split())
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
    wanted = ["avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8"]
    return {
        "cpu": re.search(r"^model name\s*:\s*(.*)$", cpuinfo, re.MULTILINE)[1],
        "threads": os.cpu_count(),
        "instruction_sets": [flag for flag in wanted if flag in flags],
        "memory_gib": round(memory / 2**20, 1),
        "kernel": platform.release(),
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def spread(values: list[float]) -> dict:
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def compare(options, tools: pathlib.Path, model: str, test: Test, environment: dict) -> dict:
    """One row of the table: the repeats of both sides in turn, each side first every other time."""
    attentions = ["on", "off"] if options.flash_attention == "both" else [options.flash_attention]
    dure, peer = [], {attention: [] for attention in attentions}

    def measure_own():
        dure.append(measure_dure(options.dure, model, test, options.threads, environment))

    def measure_peer():
        for attention in attentions:
            peer[attention].append(llama_cpp.measure(tools, model, test, options.threads, attention))

    for repeat in range(options.repeat):
        sides = [measure_own, measure_peer]
        for side in sides if repeat % 2 == 0 else reversed(sides):
            side()
    best = max(attentions, key=lambda attention: statistics.median(peer[attention]))
    row = {"test": test.name, "dure": spread(dure), "llama.cpp": spread(peer[best]), "flash_attention": best}
    row["ratio"] = row["dure"]["median"] / row["llama.cpp"]["median"]
    return row


def print_row(model: str, row: dict) -> None:
    def show(values: dict) -> str:
        return f"{values['min']:8.1f} {values['median']:8.1f} {values['max']:8.1f}"

    print(f"{model:<20} {row['test']:<11} {show(row['dure'])}   {show(row['llama.cpp'])}   {row['flash_attention']:<4}"
          f"{row['ratio']:6.2f}", flush=True)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default=",".join(MODELS),
                        help="names or GGUF files, with commas (default: %(default)s)")
    parser.add_argument("--tests", default="pp512,tg128,tg128@2048,b16", help="with commas (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--isa", choices=llama_cpp.ISA_FLAGS, default="native",
                        help="the instruction set of both sides")
    parser.add_argument("--flash-attention", choices=["on", "off", "both"], default="both",
                        help="of llama.cpp; with both, its faster one counts (default: %(default)s)")
    parser.add_argument("--dure", default=str(ROOT / "build/release/dure"), help="the program (default: %(default)s)")
    parser.add_argument("--tools", type=pathlib.Path, help="a folder with llama.cpp's tools, instead of building them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="of the build")
    parser.add_argument("--build-only", action="store_true", help="build llama.cpp and stop")
    parser.add_argument("--json", metavar="FILE", help="write all results there, too")
    return parser.parse_args()


def main() -> int:
    options = parse_options()
    tests = [parse_test(name) for name in options.tests.split(",")]
    tools = options.tools or llama_cpp.build(options.isa, options.jobs)
    if options.build_only:
        print(tools)
        return 0
    environment = dict(os.environ)
    if options.isa != "native":
        environment["DURE_ISA"] = options.isa
    machine = describe_machine()
    version = subprocess.run([options.dure, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{machine['cpu']}, {machine['threads']} threads, {' '.join(machine['instruction_sets'])}, "
          f"{machine['memory_gib']} GiB, Linux {machine['kernel']}")
    print(f"{version} against llama.cpp of llama-cpp-python {llama_cpp.VERSION}, clang-19, {options.isa}; "
          f"{options.threads} threads, {options.repeat} repeats in turn; tokens per second")
    if machine["load_at_start"] > 0.5:
        print(f"warning: the machine is busy (load {machine['load_at_start']}); the numbers will not be good")
    print(f"\n{'model':<20} {'test':<11} {'dure: min median max':>26}   {'llama.cpp: min median max':>26}   fa   ratio")
    results = []
    for name in options.models.split(","):
        for test in tests:
            row = compare(options, tools, model_path(name), test, environment)
            results.append({"model": name, **row})
            print_row(pathlib.Path(name).name[:20], row)
    if options.json:
        report = {"machine": machine, "dure": version, "llama_cpp_python": llama_cpp.VERSION, "isa": options.isa,
                  "threads": options.threads, "repeat": options.repeat, "results": results}
        pathlib.Path(options.json).write_text(json.dumps(report, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
