#!/usr/bin/env python3
"""usage: run_client.py NAME PROGRAM [NODE]: fetches an unmodified client once, then runs its test against the real program.

A client is NAME…_test.py with the packages of NAME.txt, or NAME_test.mjs with those of NAME.json, which needs NODE. The packages
lie in ${XDG_CACHE_HOME:-~/.cache}/dure/e2e, one folder for each version.
"""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from dure_server import SMALL_MODEL, Server, require_model  # noqa: E402

# Calls of tools and structured answers take more of a model than the small one has.
LARGER_MODEL = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
OF_SMALL_MODEL = {"openai_python", "anthropic_python", "openai_node"}


def cache_folder(name: str, wanted: pathlib.Path) -> pathlib.Path:
    """Where the packages that `wanted` names are kept."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "dure/e2e"
    cache.mkdir(parents=True, exist_ok=True)
    version = hashlib.sha256(wanted.read_bytes() + sys.version.encode()).hexdigest()[:12]
    return cache / f"{name}-{version}"


def fetch_once(folder: pathlib.Path, fetch) -> None:
    """Calls fetch(folder) unless an earlier call came to its end; a lock keeps two runs apart."""
    with open(f"{folder}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / ".complete"
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            fetch(folder)
            done.touch()


def fetch_python(folder: pathlib.Path, wanted: pathlib.Path) -> None:
    venv.create(folder, with_pip=True)
    subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                    "-r", wanted], check=True)


def fetch_node(folder: pathlib.Path, wanted: pathlib.Path, node: str) -> None:
    # npm is a script that looks for node on the path, where there may be none.
    path = f"{pathlib.Path(node).parent}:{os.environ['PATH']}"
    folder.mkdir()
    shutil.copy(wanted, folder / "package.json")
    subprocess.run([shutil.which("npm", path=path), "install", "--ignore-scripts", "--no-audit", "--no-fund",
                    "--loglevel=error"], cwd=folder, check=True, env=os.environ | {"PATH": path})


def commands_of(name: str, node: str | None) -> list[list]:
    wanted = HERE / f"{name}.txt"
    if wanted.exists():
        folder = cache_folder(name, wanted)
        fetch_once(folder, lambda target: fetch_python(target, wanted))
        return [[folder / "bin/python", "-B", test] for test in sorted(HERE.glob(f"{name}*_test.py"))]
    wanted = HERE / f"{name}.json"
    folder = cache_folder(name, wanted)
    fetch_once(folder, lambda target: fetch_node(target, wanted, node))
    # Modules are looked up beside the file that imports them.
    shutil.copy(HERE / f"{name}_test.mjs", folder)
    return [[node, "--test", "--test-reporter=spec", folder / f"{name}_test.mjs"]]


def main() -> int:
    name, program = sys.argv[1], str(pathlib.Path(sys.argv[2]).resolve())
    model = require_model(SMALL_MODEL if name in OF_SMALL_MODEL else LARGER_MODEL)
    commands = commands_of(name, sys.argv[3] if len(sys.argv) > 3 else None)
    with Server(program, "--model", str(model)) as server:
        environment = os.environ | {"DURE_URL": server.url}
        return max(abs(subprocess.run(command, env=environment).returncode) for command in commands)


if __name__ == "__main__":
    sys.exit(main())
