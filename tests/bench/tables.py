"""Figures as tables in Markdown."""

import re

from guests import GO, GOALS
from served import FLOOR, PRELOADED

GROUPS = (("alone", "started by itself"), ("served", "behind Apache"))


def number(value):
    """Three digits that count; a dash for none."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    digits = 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:.{digits}f}"


def is_numeric(column):
    """Whether all cells below the first, if not empty, are numbers."""
    return all(re.match(r"\d|-$", cell) for cell in column[1:] if cell)


def table(head, rows):
    """Markdown with aligned columns, those of numbers to the right."""
    rows = [list(map(str, row)) for row in [head, *rows]]
    columns = []
    for column in zip(*rows):
        width = max(2, *map(len, column))
        if is_numeric(column):
            cells = [cell.rjust(width) for cell in column]
            rule = "-" * (width - 1) + ":"
        else:
            cells = [cell.ljust(width) for cell in column]
            rule = "-" * width
        columns.append([cells[0], rule, *cells[1:]])
    return "".join(f"| {' | '.join(row)} |\n" for row in zip(*columns))


def spread(low, high):
    return f"{number(low)}-{number(high)}"


def alone_table(figures):
    head = ["started by itself", "ms", "quartiles", "CPU ms",
            "million instructions", "page faults", "MiB", "runs"]
    return table(head, [
        [name, number(row["ms"]), spread(*row["ms_quartiles"]),
         number(row["cpu_ms"]), number(row["instructions"]),
         number(row["faults"]), number(row["memory"]), row["runs"]]
        for name, row in figures.items()])


def rates_table(figures):
    head = ["behind Apache", "ms (median)", "90 %", "99 %",
            "ms at 8: median", "99 %", "requests/s: 1", "2", "8",
            "quartiles at 8"]
    rows = []
    for name, row in figures.items():
        one, eight = (row["asked"][count]["latency"] for count in "18")
        rows.append([
            name, *(number(one[part]) for part in ("50", "90", "99")),
            number(eight["50"]), number(eight["99"]),
            *(number(row["asked"][count]["rate"]) for count in "128"),
            spread(*row["asked"]["8"]["rate_quartiles"])])
    return table(head, rows)


def kept_table(figures):
    head = ["behind Apache", "kept between requests", "MiB",
            "done after an edit", "seconds to the new reply"]
    return table(head, [
        [name, row["keeps"], number(row["held"]), row["refresh"],
         number(row["change"])]
        for name, row in figures.items() if name != FLOOR])


def guestbook_table(figures):
    """Each program with its requests per second as a part of Go's."""
    head = ["behind Apache, mod_cgid", "read, ms (median)",
            "read/s at 8", "of Go's", "goal", "sign, ms", "sign/s at 8",
            "of Go's"]
    rows = []
    for name, row in figures.items():
        cells = [name]
        for what in ("read", "sign"):
            rate = row[what]["8"]["rate"]
            go = figures.get(GO)
            cells += [number(row[what]["1"]["latency"]["50"]), number(rate),
                      number(go and rate / go[what]["8"]["rate"])]
        cells.insert(4, number(GOALS.get(name)))
        rows.append(cells)
    return table(head, rows)


LEGEND = """\
Each column of times is of one run, in which the ways took turns; all have the
same application file, which answers `Hello, world!`, and caches of bytecode.
Started by itself: from fork to the end of the process, its output read from a
pipe; CPU in user and kernel mode; instructions in user mode, counted by
valgrind, which cannot start from an image; MiB is the largest resident set, and is given back at the end.
Behind Apache: asked on 1, 2 and 8 connections at once, a new one for each
request; percentiles are of all requests, rates are medians of the turns.
mod_cgi is in a prefork Apache of 8 to 16 processes, all others in an event
Apache of 2 processes with 8 threads; uWSGI and mod_wsgi's daemon have 2
processes with 8 threads too.
What is kept between requests is memory beyond Apache's own (PSS), after all
workers had answered: a CGI program keeps nothing and no process of it is left.
The new reply comes after an edit of the application's file.
"""


GUESTBOOK = """\
## A guestbook

The same page and form by each, with SQLite, as CGI programs of one Apache: the
twenty newest of a thousand entries are read; a form is posted to sign. "Serving
200 million requests per day with a cgi-bin" (2025) measured one in Go. Asked on
1 and on 8 connections at once.
"""


def full(figures):
    """Everything, with what was measured and where."""
    parts = ["<!-- Written by make bench. -->\n",
             ", ".join(figures["versions"].values()) + ".\n",
             figures["machine"] + ".\n",
             ".\n".join(figures["sides"]) + ".\n",
             f"Apache itself holds {number(figures['apache'])} MiB.\n",
             LEGEND]
    for title, app in figures["apps"].items():
        parts += [f"## {title}\n", alone_table(app["alone"]),
                  rates_table(app["served"]), kept_table(app["served"])]
    parts += [GUESTBOOK, guestbook_table(figures["guestbook"])]
    return "\n".join(parts)


def times(figures, group):
    """Milliseconds by way and by application; None where there is none."""
    apps = figures["apps"]
    names = dict.fromkeys(name for app in apps.values()
                          for name in app[group])
    return {name: [milliseconds(group, app[group].get(name))
                   for app in apps.values()] for name in names}


def milliseconds(group, row):
    if row is None:
        return None
    if group == "alone":
        return row["ms"]
    return row["asked"]["1"]["latency"]["50"]


def kept(app, name):
    """Cells of what a way keeps."""
    row = app["served"].get(name)
    if row is None:
        return ["", "", ""]
    return [row["keeps"], number(row["held"]), number(row["change"])]


# What a reader of README.md chooses among.
CHOICE = (PRELOADED, "cgi2wsgi, mod_cgid", "CGIHandler, mod_cgid",
          "mod_wsgi, daemon")


def choice(figures):
    """The shortest table: the time to answer behind Apache."""
    found = times(figures, "served")
    return table(["behind Apache", *(f"{title}, ms" for title
                                     in figures["apps"])],
                 [[name, *map(number, found[name])]
                  for name in CHOICE if name in found])


def short(figures):
    """One table of milliseconds per request."""
    *_, last = figures["apps"]
    text = ""
    for group, heading in GROUPS:
        served = group == "served"
        head = [heading, *(f"{title}, ms" for title in figures["apps"])]
        if served:
            head += ["kept between requests", f"{last}, MiB",
                     "new code, s"]
        rows = [[name, *map(number, values)]
                + kept(figures["apps"][last], name) * served
                for name, values in times(figures, group).items()]
        text += table(head, rows) + "\n"
    return text.rstrip("\n") + "\n"
