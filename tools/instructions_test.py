#!/usr/bin/env python3
"""Tests of bench/instructions.py: what it takes for a growth, and the frames that its clients send."""
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))

import instructions  # noqa: E402


class Grown(unittest.TestCase):
    def test_up_to_the_bound_is_none(self):
        for figure in (1, 999, 1000, 1030):
            self.assertEqual(instructions.grown({"echo": figure}, {"echo": 1000}), [], figure)

    def test_above_the_bound_is_a_line_with_both_figures(self):
        self.assertEqual(instructions.grown({"echo": 1031, "ack": 5}, {"echo": 1000, "ack": 5}),
                         ["echo: 1,031 instructions, +3.1% of 1,000"])

    def test_a_scenario_without_a_figure_is_a_failure(self):
        self.assertEqual(len(instructions.grown({"new": 1}, {})), 1)

    def test_every_scenario_has_a_figure(self):
        self.assertEqual(instructions.grown(dict.fromkeys(instructions.SCENARIOS, 0.0), instructions.wanted()), [])


class Frame(unittest.TestCase):
    def test_short_and_long(self):
        self.assertEqual(instructions.frame(b"ab"), b"\x81\x82\0\0\0\0ab")
        self.assertEqual(instructions.frame(bytes(126), 2)[:4], b"\x82\xfe\0\x7e")


if __name__ == "__main__":
    unittest.main()
