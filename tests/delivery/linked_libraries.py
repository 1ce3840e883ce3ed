#!/usr/bin/env python3
"""usage: linked_libraries.py PROGRAM packaging/third_party: checks what the program is linked with.

Every shared library that it names must be listed there with its licence, and nothing listed may be under the GPL
alone: Dure is under Apache-2.0.
"""

import pathlib
import re
import subprocess
import sys

NEEDED = re.compile(r"\(NEEDED\)\s+Shared library: \[([^\]]+)\]")


def needed(program: str) -> list[str]:
    listing = subprocess.run(["readelf", "--dynamic", "--wide", program], capture_output=True, text=True, check=True)
    return NEEDED.findall(listing.stdout)


def listed(path: str) -> dict[str, str]:
    lines = pathlib.Path(path).read_text("utf-8").splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return {name: licence for name, _, licence, _ in rows}


def check(libraries: list[str], licences: dict[str, str]) -> list[str]:
    problems = [f"{name} is linked but not listed in packaging/third_party with its licence"
                for name in libraries if name not in licences]
    problems += [f"{name} is under {licence}, which Apache-2.0 does not go with"
                 for name, licence in licences.items()
                 if re.match(r"A?GPL", licence) and "exception" not in licence]
    return problems


def main() -> int:
    problems = check(needed(sys.argv[1]), listed(sys.argv[2]))
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
