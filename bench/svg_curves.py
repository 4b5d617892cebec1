"""bench/svg_curves.py: draws curves as an SVG file, without any library.

The file needs nothing else: no font, no script, no other file. It has a background of its own, light or dark as the
reader prefers; a viewer that knows no style sheets shows the light one. Each line is named at its end, and each
point tells its figures to a mouse and to a screen reader.
"""

import math
from dataclasses import dataclass, field, replace
from xml.sax.saxutils import escape, quoteattr

WIDTH, HEIGHT = 800, 420
LEFT, RIGHT, TOP, BOTTOM = 74, 216, 64, 58
LABEL_HEIGHT = 17
# Of the lines, in their order; light and dark. Each is readable on its background.
COLORS = [("#0b62c4", "#6cb2ff"), ("#b3470b", "#ffa263"), ("#1b7a3d", "#62cf8a"), ("#8a2fa8", "#d99af0")]
LIGHT = {"back": "#ffffff", "text": "#1f2328", "faint": "#59636e", "grid": "#dfe3e8"}
DARK = {"back": "#0d1117", "text": "#e6edf3", "faint": "#9aa4af", "grid": "#2a3038"}


@dataclass
class Line:
    """`points`: (x, y), by growing x. Lines of one `color`, an index of COLORS, are told apart by `dashed`."""
    name: str
    points: list[tuple[float, float]]
    color: int = 0
    dashed: bool = False


@dataclass
class Chart:
    title: str
    x_name: str
    y_name: str
    lines: list[Line] = field(default_factory=list)
    x_log: bool = True
    y_log: bool = True
    x_bytes: bool = False  # The numbers of the x axis are bytes: its ticks are 1 KiB, not 1,000.


def short(value: float) -> str:
    """A number of a label: three digits, no exponent."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value)) + 1e-9))
    text = f"{round(value, 2 - math.floor(math.log10(abs(value)) + 1e-9)):,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def bytes_text(value: float) -> str:
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g} B"


class Axis:
    """Places values between `begin` and `end`, in pixels. `low` and `high` are the ends of its values."""

    def __init__(self, values: list[float], begin: float, end: float, log: bool, in_bytes: bool = False):
        self.begin, self.end, self.log, self.in_bytes = begin, end, log, in_bytes
        if log:
            self.low, self.high = min(values), max(values)
            if self.low == self.high:
                self.low, self.high = self.low / 2, self.high * 2
        else:
            self.low, self.high = 0.0, max(values) or 1.0

    def widen(self) -> "Axis":
        """Ends the axis at ticks, so that no point lies on its border."""
        if self.log:
            ticks = [m * 10.0 ** e for e in range(-9, 15) for m in (1, 2, 5)]
            self.low = max(t for t in ticks if t <= self.low * 0.95)
            self.high = min(t for t in ticks if t >= self.high * 1.05)
        else:
            step = self.step()
            self.high = step * math.ceil(self.high * 1.02 / step)
        return self

    def step(self) -> float:
        rough = self.high / 5
        power = 10.0 ** math.floor(math.log10(rough))
        return next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)

    def at(self, value: float) -> float:
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)

    def ticks(self) -> list[float]:
        if not self.log:
            step = self.step()
            return [step * i for i in range(math.floor(self.high / step + 1e-9) + 1)]
        if self.in_bytes:
            return [t for t in (4.0 ** e for e in range(16)) if self.low * 0.999 <= t <= self.high * 1.001]
        wide = self.high / self.low > 500
        found = [m * 10.0 ** e for e in range(-9, 15) for m in ((1,) if wide else (1, 2, 5))]
        return [t for t in found if self.low * 0.999 <= t <= self.high * 1.001]

    def text(self, value: float) -> str:
        return bytes_text(value) if self.in_bytes else short(value)


def spread(wanted: list[float], low: float, high: float, distance: float = LABEL_HEIGHT) -> list[float]:
    """Places near the wanted ones, in their order, that are `distance` apart and, if there is room, within low..high."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = [0.0] * len(wanted)
    last = low - distance
    for i in order:
        last = placed[i] = max(wanted[i], last + distance)
    limit = high
    for i in reversed(order):
        placed[i] = min(placed[i], limit)
        limit = placed[i] - distance
    return placed


def style() -> str:
    def rules(palette: dict[str, str], shade: int) -> str:
        lines = [f".back{{fill:{palette['back']}}}", f".text{{fill:{palette['text']}}}",
                 f".faint{{fill:{palette['faint']}}}", f".grid{{stroke:{palette['grid']}}}"]
        for index, colors in enumerate(COLORS):
            lines += [f".l{index}{{stroke:{colors[shade]}}}", f".f{index}{{fill:{colors[shade]}}}"]
        return "".join(lines)
    return f"<style>{rules(LIGHT, 0)}@media (prefers-color-scheme:dark){{{rules(DARK, 1)}}}</style>"


def words(x: float, y: float, text: str, kind: str = "text", anchor: str = "start", more: str = "") -> str:
    fill = LIGHT[kind] if kind in LIGHT else COLORS[int(kind[1:])][0]
    return (f'<text class="{kind}" fill="{fill}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>'
            f"{escape(text)}</text>")


def stroke(x1: float, y1: float, x2: float, y2: float) -> str:
    return (f'<line class="grid" stroke="{LIGHT["grid"]}" x1="{x1:.1f}" y1="{y1:.1f}" '
            f'x2="{x2:.1f}" y2="{y2:.1f}"/>')


def grid(chart: Chart, x: Axis, y: Axis) -> list[str]:
    parts = []
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for tick in x.ticks():
        parts += [stroke(x.at(tick), TOP, x.at(tick), bottom),
                  words(x.at(tick), bottom + 18, x.text(tick), "faint", "middle")]
    for tick in y.ticks():
        parts += [stroke(LEFT, y.at(tick), right, y.at(tick)),
                  words(LEFT - 8, y.at(tick) + 4, y.text(tick), "faint", "end")]
    parts.append(words((LEFT + right) / 2, HEIGHT - 14, chart.x_name, "faint", "middle"))
    parts.append(words(LEFT - 8, TOP - 14, chart.y_name, "faint"))
    return parts


def drawn(line: Line, x: Axis, y: Axis) -> list[str]:
    color = line.color % len(COLORS)
    light = COLORS[color][0]
    places = [(x.at(a), y.at(b)) for a, b in line.points]
    dash = ' stroke-dasharray="6 4"' if line.dashed else ""
    joined = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
    parts = [f'<polyline class="l{color}" stroke="{light}" fill="none" stroke-width="2"{dash} points="{joined}"/>']
    for (a, b), (value_x, value_y) in zip(places, line.points):
        told = escape(f"{line.name}: {short(value_y)} at {x.text(value_x)}")
        parts.append(f'<circle class="f{color}" fill="{light}" cx="{a:.1f}" cy="{b:.1f}" r="3"><title>{told}</title>'
                     "</circle>")
    return parts


def labels(chart: Chart, x: Axis, y: Axis) -> list[str]:
    """The name and the last figure of each line, at its end."""
    right = WIDTH - RIGHT
    wanted = [y.at(line.points[-1][1]) for line in chart.lines]
    parts = []
    for line, place, end in zip(chart.lines, spread(wanted, TOP + 6, HEIGHT - BOTTOM), wanted):
        color = line.color % len(COLORS)
        parts.append(f'<line class="l{color}" stroke="{COLORS[color][0]}" stroke-opacity="0.5" '
                     f'x1="{x.at(line.points[-1][0]):.1f}" y1="{end:.1f}" x2="{right + 8:.1f}" y2="{place:.1f}"/>')
        parts.append(words(right + 12, place + 4, f"{line.name} {short(line.points[-1][1])}", f"f{color}"))
    return parts


def description(chart: Chart) -> str:
    """All figures, for those who do not see the picture."""
    said = [f"{chart.y_name}, by {chart.x_name}."]
    for line in chart.lines:
        figures = ", ".join(f"{bytes_text(a) if chart.x_bytes else short(a)}: {short(b)}" for a, b in line.points)
        said.append(f"{line.name}: {figures}.")
    return " ".join(said)


def draw(chart: Chart, name: str) -> str:
    """The text of an SVG file. `name` makes its ids unique where several are in one page."""
    # A logarithmic axis has no place for a difference of memory that is negative.
    lines = [replace(line, points=[point for point in line.points if point[1] > 0 or not chart.y_log])
             for line in chart.lines]
    lines = [line for line in lines if line.points]
    chart = Chart(chart.title, chart.x_name, chart.y_name, lines, chart.x_log, chart.y_log, chart.x_bytes)
    xs = [point[0] for line in lines for point in line.points] or [1]
    ys = [point[1] for line in lines for point in line.points] or [1]
    x = Axis(xs, LEFT, WIDTH - RIGHT, chart.x_log, chart.x_bytes)
    y = Axis(ys, HEIGHT - BOTTOM, TOP, chart.y_log).widen()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-labelledby={quoteattr(f"{name}-title {name}-text")} '
        'font-family="system-ui, sans-serif" font-size="13">',
        f"<title id={quoteattr(name + '-title')}>{escape(chart.title)}</title>",
        f"<desc id={quoteattr(name + '-text')}>{escape(description(chart))}</desc>",
        style(),
        f'<rect class="back" fill="{LIGHT["back"]}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
        words(LEFT - 8, 26, chart.title, more=' font-size="16" font-weight="600"'),
        *grid(chart, x, y),
    ]
    for line in lines:
        parts += drawn(line, x, y)
    return "\n".join([*parts, *labels(chart, x, y), "</svg>", ""])
