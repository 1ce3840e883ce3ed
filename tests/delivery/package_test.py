#!/usr/bin/env python3
"""usage: package_test.py BUILD_FOLDER: packs the build with cpack and checks what comes out.

The .tar.gz is unpacked into an empty folder and its program run with an empty environment; the .deb is taken apart and
its fields read. (Installing it into a bare Debian is one of the steps of ./test --full.)
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

LARGEST_BYTES = 40 * 1000 * 1000
FILES = ["bin/dure", "lib/systemd/system/dure.service", "share/man/man1/dure.1.gz",
         "share/bash-completion/completions/dure", "share/zsh/vendor-completions/_dure",
         "share/doc/dure/copyright", "share/doc/dure/THIRD_PARTY.txt", "share/doc/dure/README.md"]
build = pathlib.Path()


def output(*command, **options) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command} exited {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.work = pathlib.Path(cls.folder.name)
        generators = "TGZ;DEB" if shutil.which("dpkg-shlibdeps") and shutil.which("file") else "TGZ"
        output("cpack", "--config", str(build / "CPackConfig.cmake"), "-G", generators, "-B", str(cls.work / "packed"),
               cwd=cls.work)
        cls.tar = next((cls.work / "packed").glob("*.tar.gz"))
        cls.deb = next((cls.work / "packed").glob("*.deb"), None)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def unpack(self) -> pathlib.Path:
        prefix = self.work / "prefix"
        if not prefix.exists():
            prefix.mkdir()
            output("tar", "xzf", str(self.tar), "-C", str(prefix), "--strip-components=1")
        return prefix

    def test_both_are_small(self):
        for package in filter(None, [self.tar, self.deb]):
            self.assertLessEqual(package.stat().st_size, LARGEST_BYTES, package.name)

    def test_tar_holds_every_file(self):
        prefix = self.unpack()
        found = {p.relative_to(prefix).as_posix() for p in prefix.rglob("*") if p.is_file()}
        self.assertEqual(set(FILES) - found, set())
        self.assertEqual({path for path in found if path.split("/")[0] not in {"bin", "lib", "share"}}, set())

    def test_unpacked_program_runs_in_an_empty_environment(self):
        dure = str(self.unpack() / "bin/dure")
        empty = {"HOME": str(self.work), "PATH": "/nonexistent"}
        self.assertRegex(output(dure, "--version", env=empty), r"^dure \d+\.\d+\.\d+\n$")
        self.assertIn('"version"', output(dure, "doctor", "--json", env=empty))

    def test_notices_name_what_is_inside(self):
        text = (self.unpack() / "share/doc/dure/THIRD_PARTY.txt").read_text("utf-8")
        for name in ["Boost", "nlohmann-json", "libstdc++.so.6"]:
            self.assertIn(name, text)
        self.assertIn("Permission is hereby granted", text)

    def test_deb_installs_only_where_it_may(self):
        if not self.deb:
            self.skipTest("dpkg-dev or file is not installed")
        lines = output("dpkg-deb", "--contents", str(self.deb)).splitlines()
        paths = {line.split()[5] for line in lines if not line.startswith("d")}
        self.assertEqual({"./usr/" + path for path in FILES} - paths, set())
        self.assertEqual({p for p in paths if not p.startswith("./usr/")}, {"./etc/default/dure"})
        self.assertTrue(all(line.split()[1] == "root/root" for line in lines))

    def test_deb_names_what_it_needs(self):
        if not self.deb:
            self.skipTest("dpkg-dev or file is not installed")
        depends = output("dpkg-deb", "--field", str(self.deb), "Depends")
        self.assertIn("libc6 (>=", depends)
        for package in ["dev", "clang", "cmake"]:
            self.assertNotIn(package, depends)


if __name__ == "__main__":
    build = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
