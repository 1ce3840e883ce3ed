#!/usr/bin/env python3
"""usage: clean_text.py ROOT: checks that no file of the project names a machine's folders or a package registry's host.

Such a name ties the project to one computer or one mirror: it works for the author and fails for everyone else.
"""

import os
import pathlib
import re
import sys

SKIPPED_FOLDERS = {".git", "build", "out", "node_modules", "dist", ".cache", "__pycache__", ".svelte-kit"}
# Corpora and golden cases hold whatever text they hold.
SKIPPED_PREFIXES = ("tests/data/", "tests/fuzz/corpus/")

FORBIDDEN = [
    ("a folder of one machine", re.compile(r"(?<![\w.}])/(?:work|root|home/\w+|Users/\w+)/")),
    ("a package registry's host", re.compile(
        r"\b(?:registry\.npmjs\.org|(?:test\.)?pypi\.org|pythonhosted\.org|deb\.debian\.org|"
        r"registry\.yarnpkg\.com|crates\.io)\b")),
]


def project_files(root: pathlib.Path):
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS)
        for name in sorted(files):
            path = pathlib.Path(folder) / name
            relative = path.relative_to(root).as_posix()
            if name == ".git" or path == pathlib.Path(__file__).resolve():
                continue
            if not relative.startswith(SKIPPED_PREFIXES):
                yield path, relative


def check(root: pathlib.Path) -> list[str]:
    problems = []
    for path, relative in project_files(root):
        try:
            text = path.read_text("utf-8")
        except (UnicodeDecodeError, OSError):
            continue  # an image or another binary file
        for what, pattern in FORBIDDEN:
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                problems.append(f"{relative}:{line}: names {what}: {match.group()}")
    return problems


def main() -> int:
    problems = check(pathlib.Path(sys.argv[1]).resolve())
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
