"""bench/tables.py: prints the results as Markdown that can be read as plain text too."""

import sys


def number(value):
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    if value >= 10_000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(title, columns, rows):
    """Prints a Markdown table whose cells are padded, so that it can be read as plain text too."""
    cells = [columns] + [[c if isinstance(c, str) else number(c) for c in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]

    def line(row):
        first = row[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        return "| " + " | ".join([first, *rest]) + " |"

    rule = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    print(f"\n### {title}\n")
    print("\n".join([line(cells[0]), "| " + " | ".join(rule) + " |", *map(line, cells[1:])]))
    sys.stdout.flush()


def ratio(value, base):
    return f"{value / base:.2f}" if base else "–"


LATENCY = ["p50 µs", "p99 µs", "p99.9 µs"]
BUSY = ["server busy", "client busy"]


def latency(r):
    return [r["p50_us"], r["p99_us"], r["p999_us"]]


def busy(r):
    return [f"{r['server_busy']:.0%}", f"{r['client_busy']:.0%}"]
