"""Builds llama.cpp from the source package of llama-cpp-python in the cache folder, and measures with its tools."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess

VERSION = "0.3.36"
SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
TOOLS = ["llama-bench", "llama-batched-bench", "llama-perplexity", "llama-tokenize", "llama-server"]
ISA_FLAGS = {
    "native": ["-DGGML_NATIVE=ON"],
    "avx2": ["-DGGML_NATIVE=OFF", "-DGGML_SSE42=ON", "-DGGML_AVX=ON", "-DGGML_AVX2=ON", "-DGGML_FMA=ON",
             "-DGGML_F16C=ON", "-DGGML_BMI2=ON"],
}


def cache_folder() -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base, "dure", "peers", f"llama.cpp-{VERSION}")


def fetch_source(folder: pathlib.Path) -> pathlib.Path:
    """The unpacked source of llama.cpp, downloaded when it is not there."""
    source = folder / "source"
    if source.exists():
        return source / "vendor/llama.cpp"
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"llama_cpp_python-{VERSION}.tar.gz"
    if not archive.exists():
        subprocess.run(["python3", "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "llama-cpp-python",
                        "--dest", str(folder), f"llama-cpp-python=={VERSION}"], check=True)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != SHA256:
        archive.unlink()
        raise SystemExit(f"peers: {archive.name} has SHA-256 {digest}, not {SHA256}; nothing was kept")
    part = folder / "source.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    subprocess.run(["tar", "xzf", str(archive), "-C", str(part)], check=True)
    next(part.iterdir()).rename(source)
    shutil.rmtree(part)
    return source / "vendor/llama.cpp"


def build(isa: str, jobs: int) -> pathlib.Path:
    """Builds the tools for an instruction set (quick when they are built); the folder they lie in."""
    folder = cache_folder()
    source = fetch_source(folder)
    build_folder = folder / f"build-{isa}"
    if not (build_folder / "build.ninja").exists():
        compilers = ["-DCMAKE_C_COMPILER=clang-19", "-DCMAKE_CXX_COMPILER=clang++-19"]
        subprocess.run(["cmake", "-G", "Ninja", "-S", str(source), "-B", str(build_folder), *compilers,
                        "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=OFF", "-DLLAMA_CURL=OFF",
                        "-DLLAMA_OPENSSL=OFF", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF",
                        "-DLLAMA_BUILD_SERVER=ON", "-DLLAMA_BUILD_UI=OFF", *ISA_FLAGS[isa]], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", str(build_folder), f"-j{jobs}", *TOOLS], check=True)
    return build_folder / "bin"


def measure(tools: pathlib.Path, model: str, test, threads: int, flash_attention: str) -> float:
    """Tokens per second of one run of one test."""
    common = ["-m", model, "-t", str(threads), "-fa", flash_attention]
    if test.streams > 1:
        context = test.streams * (test.prompt + test.generate)
        command = [tools / "llama-batched-bench", *common, "-c", str(context), "-b", "2048", "-ub", "512",
                   "-npp", str(test.prompt), "-ntg", str(test.generate), "-npl", str(test.streams),
                   "--output-format", "jsonl"]
        lines = run(command).splitlines()
        return next(json.loads(line)["speed_tg"] for line in lines if line.startswith('{"n_kv_max"'))
    prompt = 0 if test.generate else test.prompt
    command = [tools / "llama-bench", *common, "-p", str(prompt), "-n", str(test.generate), "-d", str(test.depth),
               "-r", "1", "-o", "json"]
    return json.loads(run(command))[0]["avg_ts"]


def run(command) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"peers: {command[0]} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
