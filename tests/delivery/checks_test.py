#!/usr/bin/env python3
"""Proves that the checks of this folder fail on a tree that breaks their rule and pass on one that does not."""

import pathlib
import tempfile
import unittest

import clean_text
import code_style
import include_order
import linked_libraries


class Tree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        self.write("src/base/error.h", "#include <string>\n")
        self.write("src/net/server.h", '#include "base/error.h"\n')
        self.write("src/net/server.cc", '#include <boost/asio.hpp>\n#include "net/server.h"\n')
        self.write("src/engine/engine.h", '#include "base/error.h"\n')
        self.write("src/api/chat.cc", '#include "engine/engine.h"\n#include "net/server.h"\n')

    def tearDown(self):
        self.folder.cleanup()

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


class IncludeOrder(Tree):
    def problems(self):
        return include_order.check_includes(self.root / "src") + include_order.check_links(self.root / "src")

    def assert_one(self, part):
        problems = self.problems()
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(part, problems[0])

    def test_downward_includes_pass(self):
        self.assertEqual(self.problems(), [])

    def test_upward_include_fails(self):
        self.write("src/base/log.cc", '#include "engine/engine.h"\n')
        self.assert_one("base must not include engine/engine.h")

    def test_upward_include_in_angle_brackets_fails(self):
        self.write("src/base/log.cc", "#  include <engine/engine.h>\n")
        self.assert_one("base must not include engine/engine.h")

    def test_net_sees_only_base(self):
        self.write("src/net/chat.cc", '#include "engine/engine.h"\n')
        self.assert_one("net must not include engine/engine.h")

    def test_missing_header_fails(self):
        self.write("src/api/models.cc", '#include "api/models.h"\n')
        self.assert_one("does not exist")

    def test_unknown_room_fails(self):
        self.write("src/utils/strings.h", "\n")
        self.assert_one("'utils' is no room")

    def test_boost_outside_net_fails(self):
        self.write("src/api/models.cc", "#include <boost/beast.hpp>\n")
        self.assert_one("api/models.cc > boost/beast.hpp")

    def test_boost_through_a_header_of_net_fails(self):
        self.write("src/net/server.h", "#include <boost/asio.hpp>\n")
        self.assert_one("api/chat.cc > net/server.h > boost/asio.hpp")

    def test_upward_link_fails(self):
        self.write("src/base/CMakeLists.txt", "# dure_api would be wrong\ndure_room(base LINKS dure_engine)\n")
        self.assert_one("base must not link dure_engine")


class CleanText(Tree):
    def test_clean_tree_passes(self):
        self.write("README.md", "Work in /tmp/work/ and ${HOME}/work/ and see https://example.org/work/.\n")
        self.assertEqual(clean_text.check(self.root), [])

    def test_machine_folder_fails(self):
        self.write("scripts/go", "cd /" + "work/here\n")
        self.assertEqual(len(clean_text.check(self.root)), 1)

    def test_registry_host_fails(self):
        self.write("web/package-lock.json", '{"resolved": "https://registry.' + 'npmjs.org/a.tgz"}\n')
        self.assertEqual(len(clean_text.check(self.root)), 1)

    def test_installed_and_built_folders_do_not_count(self):
        self.write("web/node_modules/a/package.json", "https://registry." + "npmjs.org/a\n")
        self.assertEqual(clean_text.check(self.root), [])


class CodeStyle(Tree):
    def setUp(self):
        super().setUp()
        if not code_style.tool():
            self.skipTest("clang-format-19 is not installed")
        self.write(".clang-format", "BasedOnStyle: Google\nSortIncludes: Never\n")

    def test_formatted_code_passes(self):
        self.assertEqual(code_style.check(self.root), 0)

    def test_unformatted_code_fails(self):
        self.write("src/base/log.cc", "int   x=1 ;\n")
        self.assertNotEqual(code_style.check(self.root), 0)


class LinkedLibraries(unittest.TestCase):
    def test_listed_libraries_pass(self):
        self.assertEqual(linked_libraries.check(["libz.so.1"], {"libz.so.1": "Zlib"}), [])

    def test_unlisted_library_fails(self):
        self.assertIn("libz.so.1", linked_libraries.check(["libz.so.1"], {})[0])

    def test_gpl_fails_unless_it_has_the_runtime_exception(self):
        licences = {"libreadline.so.8": "GPL-3.0-or-later", "libstdc++.so.6": "GPL-3-with-exception"}
        problems = linked_libraries.check([], licences)
        self.assertEqual(len(problems), 1)
        self.assertIn("libreadline.so.8", problems[0])


if __name__ == "__main__":
    unittest.main()
