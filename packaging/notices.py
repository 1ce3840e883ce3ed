#!/usr/bin/env python3
"""usage: notices.py ROOT OUT: writes the licences of everything by others that the program contains.

Compiled-in libraries come from packaging/third_party and Debian's copyright files, the web app's packages from
web/package-lock.json and web/node_modules.
"""

import json
import pathlib
import sys

RULE = "=" * 100


def libraries(root: pathlib.Path):
    for line in (root / "packaging/third_party").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            name, use, licence, package = line.split()
            here = root / "packaging" / package
            text = here if here.exists() else pathlib.Path("/usr/share/doc", package, "copyright")
            yield name, use, licence, text if use == "inside" else None


def web_packages(root: pathlib.Path):
    """Packages that end up in the built page: those not only for development, and Svelte with what it needs."""
    lock_file = root / "web/package-lock.json"
    if not lock_file.exists():
        return
    packages = json.loads(lock_file.read_text("utf-8"))["packages"]
    wanted = {path for path, entry in packages.items() if path and not entry.get("dev")}
    queue = ["node_modules/svelte"]
    while queue:
        path = queue.pop()
        if path in packages and path not in wanted:
            wanted.add(path)
            queue += [f"node_modules/{name}" for name in packages[path].get("dependencies", {})]
    for path in sorted(wanted):
        folder = root / "web" / path
        texts = [p for p in sorted(folder.glob("*")) if p.name.upper().startswith(("LICENSE", "LICENCE", "COPYING"))]
        name = path.split("node_modules/")[-1] + " " + packages[path]["version"]
        yield name, "web app", packages[path].get("license", "see below"), texts[0] if texts else None


def main() -> int:
    root, out = map(pathlib.Path, sys.argv[1:3])
    entries = [*libraries(root), *web_packages(root)]
    lines = ["Dure is licensed under the Apache License 2.0. It contains or links the work of others:", ""]
    lines += [f"  {name:<36} {use:<8} {licence}" for name, use, licence, _ in entries]
    for name, _, licence, text in entries:
        if text and text.exists():
            lines += ["", RULE, f"{name} ({licence})", RULE, "", text.read_text("utf-8").strip()]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
