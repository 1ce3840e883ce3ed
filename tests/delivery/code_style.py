#!/usr/bin/env python3
"""usage: code_style.py ROOT: checks that clang-format 19 would change nothing, and names overlong files.

Exits 77 (skipped) where clang-format 19 is not installed. Overlong files only cause a warning.
"""

import pathlib
import shutil
import subprocess
import sys

LONG_FILE_LINES = 500
SKIPPED = 77


def tool() -> str | None:
    return shutil.which("clang-format-19")


def check(root: pathlib.Path) -> int:
    """0 when clang-format would change nothing; prints what it would change."""
    files = [p for folder in ("src", "tests", "bench") for p in sorted((root / folder).rglob("*"))
             if p.suffix in {".h", ".cc"} and "node_modules" not in p.parts]
    for path in files:
        lines = path.read_text("utf-8").count("\n")
        if lines > LONG_FILE_LINES:
            print(f"warning: {path.relative_to(root)} has {lines} lines; files should stay under {LONG_FILE_LINES}")
    return subprocess.run([tool(), "--dry-run", "-Werror", "--style=file", *map(str, files)]).returncode


def main() -> int:
    if not tool():
        print("skipped: clang-format-19 is not installed")
        return SKIPPED
    return check(pathlib.Path(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(main())
