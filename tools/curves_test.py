#!/usr/bin/env python3
"""Tests of bench/curves.py and bench/svg_curves.py: the pictures, and how points are chosen, measured and added."""
import argparse
import json
import os
import pathlib
import re
import sys
import tempfile
import unittest
import unittest.mock
import xml.etree.ElementTree

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "bench"))

import curve_measures as measures  # noqa: E402
import curves  # noqa: E402
import peers  # noqa: E402
import svg_curves as svg  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


def chart(*lines: svg.Line, **more) -> svg.Chart:
    return svg.Chart("Echo < 64 B & more", "connections", "CPU", list(lines), **more)


class Numbers(unittest.TestCase):
    def test_have_three_digits(self):
        for value, text in ((0, "0"), (0.123456, "0.123"), (4.5678, "4.57"), (5, "5"), (99.95, "100"),
                            (123.4, "123"), (12345, "12,300"), (100_000, "100,000")):
            self.assertEqual(svg.short(value), text)

    def test_sizes_have_units(self):
        for value, text in ((16, "16 B"), (1024, "1 KiB"), (65536, "64 KiB"), (16 << 20, "16 MiB")):
            self.assertEqual(svg.bytes_text(value), text)


class Axes(unittest.TestCase):
    def test_a_logarithmic_axis_has_equal_distances_for_equal_ratios(self):
        axis = svg.Axis([10, 1000], 0, 200, True)
        self.assertEqual([round(axis.at(value)) for value in (10, 100, 1000)], [0, 100, 200])

    def test_a_linear_axis_begins_at_zero(self):
        axis = svg.Axis([10, 100], 0, 200, False)
        self.assertEqual([axis.at(value) for value in (0, 50, 100)], [0, 100, 200])

    def test_ticks(self):
        for values, log, in_bytes, ticks in (
                ([10, 100_000], True, False, [10, 100, 1000, 10_000, 100_000]),
                ([3, 12], True, False, [5, 10]),
                ([10, 100], False, False, [0, 20, 40, 60, 80, 100]),
                ([16, 1024], True, True, [16, 64, 256, 1024])):
            self.assertEqual([round(tick, 6) for tick in svg.Axis(values, 0, 1, log, in_bytes).ticks()], ticks)

    def test_widened_ends_are_beyond_all_values(self):
        for values in ([3.0, 12.0], [0.02, 0.9], [7.0, 7.0], [250.0, 30_000.0]):
            axis = svg.Axis(values, 0, 1, True).widen()
            self.assertLess(axis.low, min(values))
            self.assertGreater(axis.high, max(values))


class Labels(unittest.TestCase):
    def test_are_apart_and_keep_their_order(self):
        for wanted in ([50, 51, 52], [52, 50, 51], [10, 10, 300], [299, 300, 298]):
            placed = svg.spread(wanted, 0, 300, 20)
            ordered = [place for _, place in sorted(zip(wanted, placed))]
            self.assertTrue(all(b - a >= 20 for a, b in zip(ordered, ordered[1:])), (wanted, placed))
            self.assertTrue(0 <= min(placed) and max(placed) <= 300, (wanted, placed))

    def test_stay_where_there_is_room(self):
        self.assertEqual(svg.spread([10, 100, 200], 0, 300, 20), [10, 100, 200])


class Picture(unittest.TestCase):
    def setUp(self):
        self.text = svg.draw(chart(svg.Line("ours", [(10, 4.5), (1000, 5)], 0),
                                   svg.Line("theirs", [(10, 9), (1000, 20)], 1, True)), "echo")
        self.root = xml.etree.ElementTree.fromstring(self.text)

    def test_has_a_title_and_all_figures_in_words(self):
        self.assertEqual(self.root.find(f"{SVG}title").text, "Echo < 64 B & more")
        self.assertEqual(self.root.find(f"{SVG}desc").text,
                         "CPU, by connections. ours: 10: 4.5, 1,000: 5. theirs: 10: 9, 1,000: 20.")
        ids = {element.get("id") for element in self.root.iter()}
        self.assertLessEqual(set(self.root.get("aria-labelledby").split()), ids)

    def test_names_each_line_at_its_end(self):
        texts = [element.text for element in self.root.iter(f"{SVG}text")]
        self.assertIn("ours 5", texts)
        self.assertIn("theirs 20", texts)

    def test_each_point_is_there_and_higher_where_the_value_is(self):
        points = [[float(part) for pair in line.get("points").split() for part in pair.split(",")]
                  for line in self.root.iter(f"{SVG}polyline")]
        self.assertEqual([len(line) for line in points], [4, 4])
        self.assertEqual(points[0][0], points[1][0])
        self.assertLess(points[1][3], points[1][1])
        self.assertLess(points[1][1], points[0][1])
        self.assertEqual(len(list(self.root.iter(f"{SVG}circle"))), 4)

    def test_nothing_is_outside_the_picture(self):
        for element in self.root.iter():
            for key, limit in (("x", svg.WIDTH), ("cx", svg.WIDTH), ("y", svg.HEIGHT), ("cy", svg.HEIGHT)):
                self.assertTrue(0 <= float(element.get(key, 0)) <= limit, element.attrib)

    def test_is_dark_where_the_reader_wants_it_and_needs_no_other_file(self):
        self.assertIn("prefers-color-scheme:dark", self.text)
        self.assertIsNone(re.search(r"url\(|href|@import|<script|<image", self.text))

    def test_every_color_has_a_light_and_a_dark_rule(self):
        style = self.root.find(f"{SVG}style").text
        for name in {element.get("class") for element in self.root.iter()} - {None}:
            self.assertEqual(style.count(f".{name}{{"), 2, name)

    def test_lines_without_points_are_left_out(self):
        self.assertNotIn("nobody", svg.draw(chart(svg.Line("nobody", []), svg.Line("ours", [(1, 2)])), "x"))


class Lines(unittest.TestCase):
    def test_starling_is_first_and_a_server_has_one_color(self):
        lines = curves.lines_of({"Node ws, leave": [[1, 2]], "Node ws, join": [[1, 3]], "starling, join": [[1, 1]]}, {})
        self.assertEqual([(line.name, line.color, line.dashed) for line in lines],
                         [("starling, join", 0, False), ("Node ws, join", 1, False), ("Node ws, leave", 1, True)])

    def test_the_most_that_a_server_does_is_in_its_name(self):
        self.assertEqual(curves.lines_of({"Node ws": [[10, 2]]}, {"Node ws": 90_960})[0].name, "Node ws (of 91k/s)")


class Points(unittest.TestCase):
    def test_connections_are_shared_by_few_processes(self):
        for count, most, parts in ((10, 100, [10]), (100, 100, [100]), (101, 100, [51, 50]), (250, 100, [84, 83, 83])):
            self.assertEqual(measures.shares(count, most), parts)

    def test_steps_have_both_ends(self):
        self.assertEqual(measures.steps(100, 1000, 2), [100, 200, 400, 800, 1000])
        self.assertEqual(measures.steps(100, 800, 2), [100, 200, 400, 800])

    def test_processes_count_by_their_messages(self):
        self.assertEqual(measures.added([{"messages": 1, "server_us": 10}, {"messages": 3, "server_us": 2}]), 4)

    def test_servers_take_turns_and_one_that_cannot_is_left_out(self):
        class Server:
            def __init__(self, name):
                self.name = name
        able, unable, order = Server("able"), Server("unable"), []

        def measure(peer, x):
            order.append((peer.name, x))
            if peer is unable and x > 1:
                raise peers.Missing("too many")
            return x * len(order)
        stderr, sys.stderr = sys.stderr, open(os.devnull, "w", encoding="utf-8")
        try:
            found = measures.Measurer(None, 1, True).by_turns([able, unable], [(1, 2), (10, 1)], measure)
        finally:
            sys.stderr.close()
            sys.stderr = stderr
        self.assertEqual(order, [("able", 1), ("unable", 1)] * 2 + [("able", 10), ("unable", 10)])
        self.assertEqual(found, {"able": [(1, 2), (10, 50)], "unable": [(1, 3)]})


class Committed(unittest.TestCase):
    def setUp(self):
        self.results = json.loads(curves.FIGURES.read_text(encoding="utf-8"))

    def test_every_curve_has_figures_of_several_servers(self):
        self.assertEqual(set(self.results["curves"]), set(curves.CURVES))
        for name, figures in self.results["curves"].items():
            servers = {line.partition(", ")[0] for line in figures["lines"]}
            self.assertGreater(len(servers), 1, name)
            self.assertIn("starling", servers)

    def test_the_pictures_are_those_of_the_figures(self):
        for name, figures in self.results["curves"].items():
            drawn = (curves.PICTURES / f"{name}.svg").read_text(encoding="utf-8")
            self.assertEqual(drawn, curves.picture(name, figures), f"{name}: bench/curves.py --draw")

    def test_the_file_is_as_the_program_writes_it(self):
        self.assertEqual(curves.FIGURES.read_text(encoding="utf-8"), curves.written(self.results))

    def test_every_picture_is_in_the_guide(self):
        for guide in ("performance.md", "performance.zh.md"):
            with open(os.path.join(ROOT, "docs", guide), encoding="utf-8") as file:
                shown = set(re.findall(r"!\[[^\]]+\]\(curves/([\w-]+)\.svg\)", file.read()))
            self.assertEqual(shown, set(curves.CURVES), guide)


class Measured(unittest.TestCase):
    def test_figures_without_starling_replace_none(self):
        with tempfile.TemporaryDirectory() as folder:
            figures = pathlib.Path(folder, "curves.json")
            options = argparse.Namespace(json=figures, rounds=1, quick=True, only=["sizes"], build=folder,
                                         connections=None, seconds=1.0)
            floor_alone = (lambda *_: ({"floor": [(16, 1.0)], "starling": []}, {}),)
            figures.write_text('{"curves": {}}', encoding="utf-8")
            with unittest.mock.patch.dict(curves.CURVES, sizes=floor_alone), self.assertRaises(SystemExit) as ended:
                curves.measure(options)
            self.assertIn("starling was not measured", str(ended.exception.code))
            self.assertEqual(figures.read_text(encoding="utf-8"), '{"curves": {}}')


if __name__ == "__main__":
    unittest.main()
