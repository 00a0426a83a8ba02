"""Figures as a picture, drawn by gnuplot."""

import re
import shutil
import subprocess

from tables import GROUPS, number, times

COLOURS = ("#0072b2", "#e69f00", "#009e73")
APART = 0.28            # of a row's height, between two dots of a way
# A background of its own: the page that shows it may be light or dark.
SCRIPT = """
set terminal svg size 860,{height} noenhanced font "sans-serif,13" \\
    background "#ffffff"
set title "Milliseconds for one request (median, logarithmic scale)"
set logscale x
set xrange [{low}:{high}]
set yrange [{bottom}:-1]
set grid xtics lt 1 lc rgb "#dddddd"
set border 1 lc rgb "#888888"
set xtics nomirror textcolor rgb "#000000"
set ytics nomirror scale 0 textcolor rgb "#000000" ({labels})
set key outside bottom center horizontal
{heads}
plot {plots}
"""


def rows(figures):
    """Where each way and each group's heading is, counted from above."""
    ways, heads, position = [], [], 0
    for group, heading in GROUPS:
        heads.append((position, heading))
        position += 1
        for name, values in times(figures, group).items():
            ways.append((position, name, values))
            position += 1
    return ways, heads, position


def dots(ways, index):
    """A block of gnuplot's data: x, y, and the number to write beside it."""
    lines = [f"${'abc'[index]} << END"]
    for position, _, values in ways:
        if values[index] is not None:
            count = sum(value is not None for value in values)
            place = sum(value is not None for value in values[:index])
            y = position + APART * (place - (count - 1) / 2)
            lines.append(f'{values[index]} {y} "{number(values[index])}"')
    return "\n".join([*lines, "END"])


def plots(titles):
    """One series of dots and one of their numbers for each application."""
    for index, title in enumerate(titles):
        block = "$" + "abc"[index]
        yield (f'{block} using 1:2 with points pt 7 ps 0.8 '
               f'lc rgb "{COLOURS[index]}" title "{title}"')
        yield (f'{block} using 1:2:3 with labels left offset 0.8,0 '
               f'font ",10" notitle')


def script(figures):
    titles = list(figures["apps"])
    ways, heads, end = rows(figures)
    values = [value for *_, row in ways for value in row if value]
    low, high = min(values) / 2, max(values) * 2
    data = "\n".join(dots(ways, index)
                     for index in range(len(titles)))
    return data + SCRIPT.format(
        height=110 + 34 * end, low=low, high=high, bottom=end,
        labels=", ".join(f'"{name}" {position}'
                         for position, name, _ in ways),
        heads="\n".join(f'set label "{text}" at graph 0, first {position} '
                        'font ",13:Bold" offset 1,0'
                        for position, text in heads),
        plots=", ".join(plots(titles)))


def draw(figures):
    """The picture as text of SVG; None without gnuplot."""
    if not shutil.which("gnuplot"):
        return None
    drawn = subprocess.run(["gnuplot"], input=script(figures), text=True,
                           check=True, stdout=subprocess.PIPE).stdout
    return re.sub(r"\s*\n", "\n", drawn.lstrip())
