"""An exception in words, for the log and for the page.

Python's traceback module formats. The log has the exception as it is. With
--debug the page has it, too, with the variables of each frame and without what
is a secret by its name (locals.py).
"""

MOST_FRAMES = 60     # more of them, or of a message, nobody reads
LONGEST_LINE = 2000


def find_place(error):
    """Where the application itself was at last, and whether a trace ends there.

    That is "FILE, line N, in NAME" of the innermost frame in a file of its own,
    or the place of a syntax error in one, which is no frame.
    """
    place, own = None, False
    if issubclass(type(error), SyntaxError):
        file, line = error.filename, error.lineno
        # Line 0: it is about the whole file.
        if (isinstance(file, str) and isinstance(line, int) and line > 0
                and is_own(file)):
            return f"{file}, line {line}", False
    for file, line, name in list_frames(error):
        own = is_own(file)
        if own:
            place = f"{file}, line {line}, in {name}"
    return place, own


def list_frames(error):
    at = error.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        yield code.co_filename, at.tb_lineno, code.co_name
        at = at.tb_next


def join_lines(lines):
    """A traceback, of which the middle is left out if it is long."""
    lines = [line if len(line) <= LONGEST_LINE or line.startswith("  File ")
             else line[:LONGEST_LINE] + "...\n" for line in lines]
    more = len(lines) - MOST_FRAMES
    if more > 0:
        lines[MOST_FRAMES // 2:MOST_FRAMES // 2 + more] = [
            f"  [{more} more frames]\n"]
    return "".join(lines)


def summarize(error):
    import traceback
    return traceback.TracebackException.from_exception(error)


def format_error(error):
    """"Type: message" without notes (PEP 678), and the traceback."""
    try:
        summary = summarize(error)
        trace = join_lines(summary.format())
        summary.__notes__ = None
        line = join_lines(list(summary.format_exception_only())[-1:])
        return line.removesuffix("\n"), trace
    except BaseException:
        # The application has broken the traceback module, or what that needs.
        trace = "".join(f'  File "{file}", line {line}, in {name}\n'
                        for file, line, name in list_frames(error))
    line = type(error).__name__
    try:
        return f"{line}: {error}".removesuffix(": "), trace
    except BaseException:
        return line, trace


def advise(function, *arguments):
    try:
        return function(*arguments)
    except BaseException:
        return None


def to_bytes(text):
    """As C has texts: without the byte 0."""
    return text.encode("utf-8", "backslashreplace").replace(b"\0", b"\1")


def describe_briefly(error, what):
    """What happened and the exception, and its traceback."""
    line, trace = format_error(error)
    return what + to_bytes(": " + line), to_bytes(trace)


def describe(error, what, application, debug):
    """Message and traceback for the log, and both for a page.

    The message is one sentence: what happened, the exception, where it was and
    what to do about it. Where time was over the exception says nothing.
    """
    line, trace = format_error(error)
    place, innermost = find_place(error)
    ended = find_interruption()
    advice = advise(for_exception, error, ended is not None)
    if advice is None and application is not None:
        advice = advise(for_call, error, application)
    rest = "" if ended else ": " + line
    if place and ended:
        rest += f", at {place}"
    elif place and not innermost:  # the traceback's last line says it otherwise
        rest += f" ({place})"
    if advice:
        rest += f"; {advice}"
    message, trace = (ended or what) + to_bytes(rest), to_bytes(trace)
    if not debug:
        return message, trace, message, trace
    try:
        exec(compile(locals_source, "<python/locals>", "exec"), globals())
        mask = make_mask(error)
        page = mask(hide_literals(format_with_variables(error)))
        masked = mask(message.decode(errors="replace"))
        return message, trace, to_bytes(masked), to_bytes(page)
    except BaseException:  # what cannot be masked is not shown
        return message, trace, b"", b""


def format_with_variables(error):
    summary, at = summarize(error), error.__traceback__
    for frame in summary.stack:
        frame.locals, at = show_variables(at.tb_frame), at.tb_next
    return join_lines(summary.format())
