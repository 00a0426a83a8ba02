"""The programs that measure run and print all figures; none is judged."""

import json
import re
import subprocess
import sys

import pytest

from harness import TESTS

TOP = TESTS.parent
BENCH = TESTS / "bench"
sys.path.insert(1, str(BENCH))

import chart        # noqa: E402
import client       # noqa: E402
import guests       # noqa: E402
import measure      # noqa: E402
import rungs        # noqa: E402
import served       # noqa: E402
import tables       # noqa: E402

# What `make bench-quick` watches, and the goals.
GOALS = {
    "hello: time / CGIHandler": 0.33,
    "hello: time / python3 -I -S -c pass": 0.85,
    "hello: million instructions": 20,
    "hello: page faults": 350,
    "library files opened before the application": 0,
    "Bottle: time / CGIHandler": 0.75,
    "Flask: time / CGIHandler": 0.75,
    "Django: time / CGIHandler": 0.75,
    "1 MiB by file_wrapper: time / cat": 1,
    "1000 chunks of 100 bytes: time / CGIHandler": 0.5,
    "1000 chunks to /dev/null: time / CGIHandler": 0.5,
    "1000 chunks in a list: time / CGIHandler": 0.5,
    "1 MiB upload: time / cat": 1.1,
}
IMMORTAL = sys.version_info >= (3, 12)
GOALS |= {
    "hello from an image: time / C": 3,
    "hello from an image: time / CGIHandler": 0.055 if IMMORTAL else 0.06,
    "Bottle from an image: time / CGIHandler": 0.025 if IMMORTAL else 0.035,
    "Flask from an image: time / CGIHandler": 0.016 if IMMORTAL else 0.027,
    "Django from an image: time / CGIHandler": 0.016 if IMMORTAL else 0.02,
}
GOALS["Django with a database from an image: time / CGIHandler"] = (
    0.05 if IMMORTAL else 0.06)
for name in ("hello", "Bottle", "Flask", "Django", "Django with a database"):
    GOALS |= {f"{name} from an image: file / memory of a process": 1.2,
              f"{name} from an image: making it / a request without": 1}
ALONE = ("python3 -I -S -c pass", "C, static", "C, shared libc", "Perl",
         "cgi2wsgi-preload", "cgi2wsgi", "python3, CGIHandler")
BEHIND_APACHE = ("Apache alone, a file", "cgi2wsgi, mod_cgi",
                 "cgi2wsgi, mod_cgid", served.PRELOADED, "CGIHandler, mod_cgid")


def is_positive(value):
    return isinstance(value, (int, float)) and value > 0


@pytest.fixture(scope="module")
def helpers(tmp_path_factory):
    """The compiled programs."""
    folder = tmp_path_factory.mktemp("build")
    names = ("ask", "hello-shared", "hello-static", "launch")
    subprocess.run(["make", "-s", "-C", TOP, f"BUILD={folder}",
                    *(f"{folder}/bench/{name}" for name in names)],
                   check=True)
    return folder / "bench"


def output(*command):
    """What a program prints; it must succeed."""
    done = subprocess.run(list(map(str, command)), capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_quick(helpers):
    printed = output(BENCH / "quick", helpers, "--seconds", "0",
                     "--mib", "1", "--chunks", "1000")
    lines = re.findall(r"^(\S.*?) +([\d.]+) +([-\d.e+]+) (ok|over)\b",
                       printed, re.MULTILINE)
    assert {name: float(goal) for name, goal, *_ in lines} == GOALS, printed
    assert [(float(value) <= float(goal)) == (verdict == "ok")
            for _, goal, value, verdict in lines] == [True] * len(GOALS)
    assert re.search(r"^sys\.path has the same \d+ entries on both sides$",
                     printed, re.MULTILINE), printed


def check_alone(row, line):
    """A program has all figures, also in its line of the table.

    But valgrind cannot start from an image.
    """
    assert all(is_positive(row[key]) for key in (
        "ms", "cpu_ms", "faults", "memory", "runs")), row
    counted = "preload" not in line
    assert is_positive(row["instructions"]) == counted
    line = line if counted else line.replace("  - |", "  0 |", 1)
    assert re.fullmatch(r"\|[^|]+(\| +[\d.,-]*\d ){7}\|", line), line


def check_behind_apache(name, row):
    """A way has all figures; CGI keeps nothing, and left no process."""
    assert set(row["asked"]) == {"1", "2", "8"}
    for count, asked in row["asked"].items():
        assert asked["requests"] >= int(count) and asked["rate"] > 0
        latency = [asked["latency"][part] for part in ("50", "90", "99")]
        assert latency == sorted(latency) and latency[0] > 0
    assert (row["keeps"], row["held"]) == ("nothing", 0)
    assert (name == served.FLOOR) == (row["change"] is None)


def check_guestbook(figures, printed):
    """Everybody reads and signs; what has a goal stands beside it."""
    assert set(figures) >= {
        f"{title}, {way}" for title in ("Bottle", "Django")
        for way in ("CGIHandler", "cgi2wsgi", "cgi2wsgi-preload")}
    for name, row in figures.items():
        assert all(row[what][count]["rate"] > 0
                   for what in ("read", "sign") for count in "18")
        goal = tables.number(guests.GOALS.get(name))
        assert re.search(rf"^\| {re.escape(name)} +\| [^\n]*\| +{goal} \|",
                         printed, re.MULTILINE), printed


def check_kept(tree, results):
    """Tables and picture go to where they are read; twice is as once."""
    (tree / "man").mkdir(parents=True)
    (tree / "tests/bench").mkdir(parents=True)
    program = tree / "tests/bench/keep"
    program.write_text((BENCH / "keep").read_text())
    (results / "cost.svg").write_text("<svg/>\n")
    begin, end = "<!-- make bench -->\n", "<!-- /make bench -->\n"
    readme = tree / "README.md"
    readme.write_text(f"above\n{begin}old\n{end}below\n")
    manual = tree / "man/cgi2wsgi.7"
    manual.write_text('.Dd x\n.\\" make bench\nold\n.\\" /make bench\n.Sh X\n')
    for _ in range(2):
        output(sys.executable, program, results)
    short = (results / "ladder.md").read_text()
    choice = (results / "choice.md").read_text()
    assert readme.read_text() == f"above\n{begin}\n{choice}\n{end}below\n"
    for name in tables.CHOICE[:3]:
        row = re.compile(rf"^\| {name} +\| +([\d.,]+) \|", re.MULTILINE)
        assert row.search(choice)[1] == row.search(short)[1]
    lines = manual.read_text().splitlines()
    assert lines[2].startswith('.Bl -column "xxx') and lines[-3] == ".El"
    rows = [line for line in short.splitlines() if line.startswith("| ")]
    rules = sum(line.startswith("| --") for line in rows)
    assert sum(line.startswith(".It ") for line in lines) == (
        len(rows) - rules)
    for name in ("cost.md", "cost.svg"):
        assert (tree / "man" / name).read_text() == (
            results / name).read_text()


@pytest.mark.slow
def test_ladder(helpers, tmp_path):
    """In one test, for it takes long: every way that is installed here."""
    printed = output(BENCH / "ladder", helpers, "--seconds", "0",
                     "--apps", "hello")
    assert printed == (helpers / "cost.md").read_text()
    figures = json.loads((helpers / "figures.json").read_text())
    short = (helpers / "ladder.md").read_text()
    picture = chart.script(figures)
    for name in (*ALONE, *BEHIND_APACHE):
        assert re.search(rf"^\| {re.escape(name)} +\| +[\d.,]+ \|", short,
                         re.MULTILINE), short
        assert f'"{name}"' in picture
    hello = figures["apps"]["hello"]
    for name in ALONE:
        check_alone(hello["alone"][name],
                    next(line for line in printed.splitlines()
                         if line.startswith(f"| {name} ")))
    for name in BEHIND_APACHE:
        check_behind_apache(name, hello["served"][name])
    check_guestbook(figures["guestbook"], printed)
    check_kept(tmp_path / "tree", helpers)


def test_launch(helpers):
    """It tells what a program did, and how it ended."""
    def run(script, body=0):
        return measure.run(helpers / "launch", measure.Command(
            ["/bin/sh", "-c", script], body=body))

    done = run("cat; exit 3", body=100_000)
    assert (done.size, done.status) == (100_000, 3)
    assert 0 < done.cpu and done.faults > 0 and done.memory > 0
    assert run("kill -9 $$").status == 256 + 9
    slow = run("sleep 0.2")
    assert slow.cpu < 0.1 < slow.wall


def test_a_wrong_reply_is_no_figure(helpers):
    """A failing program is not a fast one."""
    with pytest.raises(measure.Failed):
        measure.by_turns(helpers / "launch",
                         {"false": measure.Command(["/bin/false"])}, 0)
    with pytest.raises(measure.Failed):
        rungs.warm_up({"echo": measure.Command(["/bin/echo", "Hello"])})


def test_statistics():
    assert measure.quartiles([5]) == (5, 5, 5)
    assert measure.quartiles([4, 1, 3, 2, 5]) == (2, 3, 4)
    hundred = list(range(100, 0, -1))
    assert [client.percentile(hundred, part) for part in (1, 50, 99, 100)
            ] == [1, 50, 99, 100]
    assert client.percentile([7], 99) == 7


def test_library_files(tmp_path):
    """Those that a .pth file has run belong to it."""
    hook, plain = tmp_path / "hook.pth", tmp_path / "plain.pth"
    hook.write_text("import types\n")
    plain.write_text("folder\n")
    files = [f"{rungs.LIBRARY}/{name}.py" for name in "abcd"]
    assert rungs.library_files(
        [files[0], str(hook), files[1], str(plain), files[2],
         f"{rungs.LIBRARY}/sitecustomize.py", str(tmp_path / "own.py"),
         files[3]]) == [(files[0], None), (files[1], "hook.pth"),
                        (files[2], None)]


def test_table():
    assert tables.table(["a", "b", "c"], [["x", "1", "y"],
                                          ["long", "-", "z"]]) == (
        "| a    |  b | c  |\n"
        "| ---- | -: | -- |\n"
        "| x    |  1 | y  |\n"
        "| long |  - | z  |\n")
    assert [tables.number(value) for value in
            (None, 0, 0.12345, 1.2345, 12.345, 1234.5)] == [
                "-", "0", "0.123", "1.23", "12.3", "1,234"]


def test_packages():
    """Sorted, with all that the ladder would name as missing."""
    listed = (TESTS / "packages-bench").read_text().splitlines()
    assert listed == sorted(set(listed))
    named = {"gnuplot-nox", "perl", "php-cgi", "catatonit"}
    for way in served.WAYS.values():
        named.update(way.package.split())
    named.update(*guests.PACKAGES.values())
    assert set(listed) == named
