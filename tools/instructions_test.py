#!/usr/bin/env python3
"""Tests of bench/instructions.py: what it takes for a growth, and the frames that its clients send."""
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))

import instructions  # noqa: E402


def instructions_of(count):
    return instructions.Cost(count, 0)


def allocations_of(count):
    return instructions.Cost(1000, count)


class Grown(unittest.TestCase):
    def test_up_to_the_bound_is_none(self):
        for figure in (1, 999, 1000, 1030):
            self.assertEqual(instructions.grown({"echo": instructions_of(figure)}, {"echo": instructions_of(1000)}), [],
                             figure)
        self.assertEqual(instructions.grown({"echo": allocations_of(2.1)}, {"echo": allocations_of(2)}), [])

    def test_above_the_bound_is_a_line_with_both_figures(self):
        self.assertEqual(instructions.grown({"echo": instructions_of(1031), "ack": instructions_of(5)},
                                            {"echo": instructions_of(1000), "ack": instructions_of(5)}),
                         ["echo: 1,031 instructions, +3.1% of 1,000"])
        self.assertEqual(instructions.grown({"echo": allocations_of(1)}, {"echo": allocations_of(0)}),
                         ["echo: 1.0 allocations in place of 0.0"])

    def test_a_scenario_without_a_figure_is_a_failure(self):
        self.assertEqual(len(instructions.grown({"new": instructions_of(1)}, {})), 1)

    def test_every_scenario_has_a_figure(self):
        self.assertEqual(instructions.grown(dict.fromkeys(instructions.SCENARIOS, instructions_of(0.0)),
                                            instructions.wanted()), [])


class Cost(unittest.TestCase):
    def test_of_each_unit(self):
        few, many = instructions.Cost(1000, 50), instructions.Cost(3000, 70)
        self.assertEqual(many.of_each(few, 20), instructions.Cost(100, 1))
        self.assertEqual(few.of_each(many, 20).allocations, 0)  # Memory that one run had left over.

    def test_allocations_are_calls_of_the_allocator(self):
        profile = """fn=(1) main
0 5
cfn=(2) malloc
calls=3 0
0 90
cfn=(3) malloc_consolidate
calls=4 0
0 90
fn=(4) run
cfn=(2)
calls=2 0
cfn=(5) calloc
calls=1 0
fn=(2)
cfn=(6) _int_malloc
calls=5 0
"""
        self.assertEqual(instructions.allocations(profile), 6)


class Frame(unittest.TestCase):
    def test_short_and_long(self):
        self.assertEqual(instructions.frame(b"ab"), b"\x81\x82\0\0\0\0ab")
        self.assertEqual(instructions.frame(bytes(126), 2)[:4], b"\x82\xfe\0\x7e")


if __name__ == "__main__":
    unittest.main()
