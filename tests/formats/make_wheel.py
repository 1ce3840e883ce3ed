#!/usr/bin/env python3
"""usage: make_wheel.py FOLDER PROJECT VERSION MEMBER FILE: a wheel that pip accepts and that carries FILE as MEMBER."""

import pathlib
import sys
import zipfile

folder, project, version, member, file = sys.argv[1:]
name = project.replace("-", "_")
info = f"{name}-{version}.dist-info"
with zipfile.ZipFile(pathlib.Path(folder) / f"{name}-{version}-py3-none-any.whl", "w",
                     zipfile.ZIP_DEFLATED) as wheel:
    wheel.write(file, member)
    wheel.writestr(f"{info}/METADATA",
                   f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n")
    wheel.writestr(f"{info}/WHEEL",
                   "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(f"{info}/RECORD", "")
