

# The script's first line, as the kernel and env(1) read it
#
# execve(2) under Linux: the name ends at a blank, everything behind it is one
# argument, and nothing counts behind 255 bytes (BINPRM_BUF_SIZE less one).

PROGRAM = "cgi2wsgi"
SEEN = 255
BLANKS = " \t"


def split(text):
    """The words of a line (invocation/words.c), or [] if a quote is open."""
    import shlex
    for end in ("", "\\"):      # a backslash at the end stands for itself
        lexer = shlex.shlex(text + end, posix=True)
        lexer.whitespace, lexer.commenters = BLANKS + "\n", ""
        lexer.whitespace_split = True
        try:
            return list(lexer)
        except ValueError:
            pass
    return []


def mask_options(options):
    """The options without secrets: --env keeps its name only.

    Options without secrets stay exactly as they are written, quotes included.
    """
    words, shown = split(options), []
    for before, word in zip(["", *words], words):
        value = (word[6:] if word.startswith("--env=") else
                 word if before == "--env" else "")
        name, equals, _ = value.partition("=")
        shown.append(word[:len(word) - len(value)] + name + "=" + MASK
                     if equals else masked(word))
    return options if shown == words and words else " ".join(shown)


def say_line(id, problem, options):
    """The advice is the first line as it should be."""
    say(id, problem, f"first line: #!{program} {mask_options(options)}".rstrip())


def is_this_program(path):
    """Whether that is so, or it is cgi2wsgi-preload, which runs this one."""
    return any(os.path.exists(own) and os.path.samefile(path, own)
               for own in (program, f"{program}-preload"))


def say_program(path, options):
    if not path.startswith("/"):
        say_line("line-interpreter", f"the first line names '{path}', which "
                 "depends on the folder: it does not begin with /", options)
    elif not os.access(path, os.F_OK):
        say_line("line-interpreter", f"the first line names {path}, which is "
                 "not there", options)
    elif os.path.isdir(path):
        say_line("line-interpreter", f"the first line names {path}, which is "
                 "a folder", options)
    elif not may(path, os.X_OK):
        say("line-interpreter", f"the first line names {path}, which {user} "
            "may not execute", f"type: chmod a+rx {quoted(path)}")
    elif is_this_program(path):
        pass
    elif base(path) == PROGRAM:
        say_line("line-copy", f"the first line names {path}, another copy of "
                 f"the program than {program}, which checks here", options)
    else:
        say_line("line-other", f"the first line starts {path}, not this "
                 "program", options)


def find_program(folders, name):
    for folder in folders.split(":"):
        if folder.startswith("/") and may(f"{folder}/{name}", os.X_OK):
            return f"{folder}/{name}"
    return None


def say_in_path(name, options):
    """env(1) looks for it in PATH, of which we know only our own."""
    found = find_program(typed_path, name)
    usual = find_program(SERVER_PATH, name)
    if not found and not usual:
        say_line("line-path", f"env does not find {name} in PATH", options)
    elif not usual:
        say_line("line-server-path", f"env finds {found} in your PATH; "
                 f"servers often use {SERVER_PATH}", options)
    if usual or found:
        say_program(usual or found, options)


def say_env(env, rest):
    options = ""
    if rest.startswith("-") and "S" in rest.split()[0]:
        names = [word for word in split(rest) if base(word) == PROGRAM]
        name = names[0] if names else env
        options = rest.partition(PROGRAM)[2].lstrip(BLANKS)
    elif rest.split()[1:]:
        shown = mask_options(rest)
        say("line-env", f"env looks for a program called '{shown}', blanks "
            "included", f"first line: #!{env} -S {shown}")
        return
    else:
        name = rest if rest == PROGRAM or "/" in rest else env
    (say_program if "/" in name else say_in_path)(name, options)


def say_length(line, interpreter):
    length = len(os.fsencode(line))
    end = len(os.fsencode(line[:line.index(interpreter) + len(interpreter)]))
    shorter = "first line: shorter, by moving settings into the script"
    if length <= SEEN:
        return
    if end >= SEEN or base(interpreter) == "env":
        say("line-long", f"the first line has {length} bytes, of which the "
            f"kernel reads {SEEN}: its end is cut off", shorter)
    else:
        say("line-cut", f"the first line has {length} bytes; the program "
            f"reads them all, but the kernel {SEEN}, and some systems refuse "
            "more", shorter)


def say_ends(text):
    if "\r" in text and "\n" not in text:
        say("line-end", "all lines end in a carriage return alone, so that "
            "the kernel sees one line",
            f"type: sed -i 's/\\r/\\n/g' {quoted(script)}")
    elif text.endswith("\r\n") and text.count("\r") == 1:
        say("line-end", "the first line ends in a carriage return, as Windows "
            "writes it", f"type: sed -i 's/\\r$//' {quoted(script)}")


def say_starts(text):
    """What a line that begins with #! starts."""
    say_ends(text)
    line = text.replace("\r", "\n").partition("\n")[0].rstrip(BLANKS)
    name, _, rest = line[2:].lstrip(BLANKS).replace("\t", " ").partition(" ")
    rest = line[len(line) - len(rest):].lstrip(BLANKS)
    say_length(line, name)
    if base(name) == "env" and may(name, os.X_OK):
        say_env(name, rest)
    else:
        say_program(name, rest if base(name) == PROGRAM else "")
    if not has("line-"):
        say("line", f"#!{name} {mask_options(rest)}".rstrip()
            + " starts this program")


def say_first_line():
    with open(script, "rb") as opened:
        text = os.fsdecode(opened.readline().partition(b"\0")[0])
    # Apache's Action reads options there, if they are ours.
    if not is_executed() and PROGRAM not in text:
        say("line", "none, as in all .wsgi files: the server's configuration "
            f"names {program}, with Apache's Action")
    elif text.startswith("#!"):
        say_starts(text)
    elif text.startswith("\ufeff"):
        say("line-bom", "three invisible bytes (a byte order mark) stand "
            "before the first line",
            f"type: sed -i '1s/^\\xEF\\xBB\\xBF//' {quoted(script)}")
    else:
        say("line-missing", "the file does not begin with #!, so that no "
            "server knows which program runs it", f"first line: #!{program}")
