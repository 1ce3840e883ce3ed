#!/usr/bin/env python3
"""usage: include_order.py ROOT: checks that the rooms of src/ include and link only what stands below them.

Also checks that every quoted include exists, and that Boost stays inside src/net: no other room may include a Boost
header, not even through a header of net, because each such file takes many seconds to compile.
"""

import pathlib
import re
import sys

# From the bottom of the house to the top.
ROOMS = ["base", "numerics", "formats", "text", "models", "engine", "net", "store", "providers",
         "assistant", "api", "main"]
# Rooms that see less than all that stands below them.
NARROW = {"net": {"base"}, "store": {"base", "formats", "text"}}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)
LINK = re.compile(r"\bdure_(\w+)")


def allowed(room: str) -> set[str]:
    below = set(ROOMS[: ROOMS.index(room)])
    return (NARROW.get(room, below) & below) | {room}


def read_includes(src: pathlib.Path) -> dict[str, list[tuple[str, str]]]:
    """Maps each source file's path relative to src to its includes as (quote, path)."""
    files = sorted(p for p in src.rglob("*") if p.suffix in {".h", ".cc", ".inc"})
    return {p.relative_to(src).as_posix(): INCLUDE.findall(p.read_text("utf-8")) for p in files}


def boost_chain(path: str, includes: dict, seen: set[str]) -> list[str]:
    """The chain of includes that leads from `path` to a Boost header; empty when none does."""
    seen.add(path)
    for quote, target in includes.get(path, []):
        if target.startswith("boost/"):
            return [path, target]
        if quote == '"' and target in includes and target not in seen:
            chain = boost_chain(target, includes, seen)
            if chain:
                return [path, *chain]
    return []


def check_includes(src: pathlib.Path) -> list[str]:
    includes = read_includes(src)
    problems = []
    for path, targets in includes.items():
        room = path.split("/")[0]
        if room not in ROOMS:
            problems.append(f"src/{path}: '{room}' is no room; add it to {pathlib.Path(__file__).name}")
            continue
        for quote, target in targets:
            other = target.split("/")[0]
            if quote == '"' and target not in includes and not (src / target).exists():
                problems.append(f'src/{path}: "{target}" does not exist in src/')
            elif other in ROOMS and "/" in target and other not in allowed(room):
                problems.append(f"src/{path}: {room} must not include {target}: {other} does not stand below it")
        if room != "net":
            chain = boost_chain(path, includes, set())
            if chain:
                problems.append("Boost leaks out of src/net: " + " > ".join(chain))
    return problems


def check_links(src: pathlib.Path) -> list[str]:
    problems = []
    for cmake in sorted(src.glob("*/CMakeLists.txt")):
        room = cmake.parent.name
        text = re.sub(r"#.*", "", cmake.read_text("utf-8"))
        for other in set(LINK.findall(text)) & set(ROOMS):
            if room in ROOMS and other not in allowed(room):
                problems.append(f"src/{room}/CMakeLists.txt: {room} must not link dure_{other}")
    return problems


def main() -> int:
    src = pathlib.Path(sys.argv[1]) / "src"
    problems = check_includes(src) + check_links(src)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
