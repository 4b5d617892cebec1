#!/usr/bin/env python3
"""Tests of tools/linting/names.py: two types of one name."""
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from linting import names  # noqa: E402
from linting.source import File  # noqa: E402


class Names(unittest.TestCase):
    def named(self, *texts: str) -> list[str]:
        files = [File(f"src/hub/{i}.cpp", text) for i, text in enumerate(texts)]
        return [f"{f.path}:{f.line} {f.message}" for f in names.check_names(files)]

    def test_one_name_for_two_types(self):
        for one, other in [("struct Kept {\n};", "class Kept final : Base {\n};"),
                           ("enum class Kept : int { a, b };", "struct Kept\n    : Base {\n};"),
                           ("struct alignas(64) Kept {\n};", "union Kept {};")]:
            text = "namespace starling::hub {{\n{}\n}}  // namespace starling::hub\n"
            self.assertEqual(self.named(text.format(one), text.format(other)),
                             ["src/hub/1.cpp:2 starling::hub::Kept is another type in src/hub/0.cpp"], one)

    def test_names_that_pass(self):
        first = "namespace starling::hub {\nstruct Kept {\n};\n}  // namespace starling::hub\n"
        for other in ("namespace starling::ws {\nstruct Kept {\n};\n}  // namespace starling::ws\n",
                      "namespace starling::hub {\nnamespace {\nstruct Kept {\n};\n}  // namespace\n"
                      "}  // namespace starling::hub\n",
                      "namespace starling::hub {\nstruct Kept;\nenum class Kept : int;\n}  // namespace starling::hub\n",
                      "namespace starling::hub {\ntemplate <>\nstruct Kept<int> {\n};\nstruct Other {\n    struct Kept {};\n"
                      "};\n}  // namespace starling::hub\n",
                      "namespace starling::hub {\n}  // namespace starling::hub\nstruct Kept {\n};\n"):
            self.assertEqual(self.named(first, other), [], other)


if __name__ == "__main__":
    unittest.main()
