#!/usr/bin/env python3
"""usage: run_client.py openai_python|anthropic_python|openai_node PROGRAM [NODE]: fetches an official client once, then
runs its test.

The packages lie in ${XDG_CACHE_HOME:-~/.cache}/dure/e2e, one folder for each version.
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
from dure_server import Server, require_model  # noqa: E402


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


def fetch_node(folder: pathlib.Path, npm: str, path: str) -> None:
    folder.mkdir()
    shutil.copy(HERE / "package.json", folder)
    subprocess.run([npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                   cwd=folder, check=True, env=os.environ | {"PATH": path})


def main() -> int:
    name, program = sys.argv[1], str(pathlib.Path(sys.argv[2]).resolve())
    model = require_model()
    if name.endswith("_python"):
        wanted = HERE / f"{name}.txt"
        folder = cache_folder(name, wanted)
        fetch_once(folder, lambda target: fetch_python(target, wanted))
        command = [folder / "bin/python", "-B", HERE / f"{name}_test.py"]
    else:
        node = sys.argv[3]
        # npm is a script that looks for node on the path, where there may be none.
        path = f"{pathlib.Path(node).parent}:{os.environ['PATH']}"
        npm = shutil.which("npm", path=path)
        folder = cache_folder(name, HERE / "package.json")
        fetch_once(folder, lambda target: fetch_node(target, npm, path))
        # Modules are looked up beside the file that imports them.
        shutil.copy(HERE / "openai_node_test.mjs", folder)
        command = [node, "--test", "--test-reporter=spec", folder / "openai_node_test.mjs"]
    with Server(program, "--model", str(model)) as server:
        return subprocess.run(command, env=os.environ | {"DURE_URL": server.url}).returncode


if __name__ == "__main__":
    sys.exit(main())
