"""The variables of a frame, as a page may show them (--debug).

A page must not show a secret, and only names say what is secret. The text that
repr() makes has lost where a name ends and a value begins, so it is not made:
values are walked, and a value is masked when its name is met. Names are those
of variables, keys, fields, and what stands before a value in a list or tuple.
What cannot be walked is shown as its type.

Nothing here calls a method that the application wrote, since that could say or
do anything. So type(value) is asked and never value.__class__, and
dict.items(value), never value.items(). source.c gives hide() and
has_secret_word().
"""

LONGEST = 1000       # text of a variable
LONGEST_TEXT = 16384  # in a value: it is searched for secrets
DEEPEST = 8          # value in a value
MASK = "****"
MASKED = f"'{MASK}'"

TEXTS = (str, bytes, bytearray)
HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: Python code made this class, mostly

# What a class says of itself, whatever its metaclass says.
get_flags = type.__dict__["__flags__"].__get__
get_bases = type.__dict__["__mro__"].__get__
get_names = type.__dict__["__dict__"].__get__
get_name = type.__dict__["__name__"].__get__
get_arguments = BaseException.__dict__["args"].__get__

Function = type(lambda: None)
Module = type(sys)
SimpleNamespace = type(sys.implementation)
Slot = type(Function.__globals__)         # a member of a C struct
Attribute = type(Function.__code__)
Wrapper = type(list.__len__)              # a method of C's
MappingProxy = type(type.__dict__)


def find_base(value, bases):
    """The one of some classes of Python's own that a value belongs to."""
    return next((base for base in bases if issubclass(type(value), base)),
                None)


def get_text(value):
    """A str, bytes or bytearray without a class of its own, or None."""
    base = find_base(value, TEXTS)
    return base and base.__getitem__(value, slice(None))


def encode(text):
    """The bytes of a text, or None: UTF-8 has none for it."""
    try:
        return text.encode() if type(text) is str else bytes(text)
    except UnicodeEncodeError:
        return None


def is_secret(name):
    """Whether what has this name, or key, is a secret; in doubt it is."""
    text = get_text(name)
    if text is not None:
        name = encode(text)
        return name is None or has_secret_word(name)
    if issubclass(type(name), tuple):
        return any(map(is_secret, tuple.__iter__(name)))
    return not (name is None or type(name) in (int, bool, float)
                or issubclass(type(name), type))


def holds_name(key):
    """Whether the value is itself a name, as in {'name': 'password', ...}."""
    text = get_text(key)
    return text is not None and encode(text) in (
        b"name", b"key", b"field", b"header", b"variable", b"id")


def find_in_class(kind, name):
    """What a class that Python code made has under a name, or None."""
    for base in get_bases(kind):
        if get_flags(base) & HEAP and name in get_names(base):
            return get_names(base)[name]
    return None


def get_dict(value):
    """The dict of an object, or None, whatever its class says of it."""
    for base in get_bases(type(value)):
        found = get_names(base).get("__dict__")
        if type(found) in (Attribute, Slot):
            return found.__get__(value)
    return None


def get_items(value):
    """The items of a list, tuple or set."""
    return find_base(value, (list, tuple, set, frozenset)).__iter__(value)


def count_items(value):
    """How many items it has, or None: only its class knows."""
    kind = type(value)
    try:
        if get_flags(kind) & HEAP:
            method = find_in_class(kind, "__len__")
            return method(value) if type(method) is Wrapper else None
        from _weakref import CallableProxyType, ProxyType
        # These ask another object.
        if kind not in (MappingProxy, ProxyType, CallableProxyType):
            return len(value)
    except Exception:
        pass
    return None


def find_loaded(module, name):
    """What a module that is loaded has under a name, or None."""
    module = sys.modules.get(module)
    return get_dict(module).get(name) if type(module) is Module else None


def get_field(value, name):
    """Of an object's dict or in a slot; raises AttributeError."""
    names = get_dict(value) or {}
    if name in names:
        return names[name]
    slot = find_in_class(type(value), name)
    if type(slot) is not Slot:
        raise AttributeError(name)
    return slot.__get__(value)


def find_fields(value, all_of_them=False):
    """Names and values of a named tuple or dataclass, or None: it is neither.

    Those that field(repr=False) hides are no part of it, unless all are wanted.
    """
    names = find_in_class(type(value), "_fields")
    if (type(names) is tuple and issubclass(type(value), tuple)
            and len(names) == tuple.__len__(value)):
        return list(zip(names, tuple.__iter__(value)))
    fields = find_in_class(type(value), "__dataclass_fields__")
    kind = find_loaded("dataclasses", "Field")
    if type(fields) is not dict or kind is None:
        return None
    found = []
    for name, field in fields.items():
        if type(name) is str and type(field) is kind and (
                field.repr is True or all_of_them):
            try:
                found.append((name, get_field(value, name)))
            except AttributeError:
                pass
    return found


# Values as text: each of these yields it in parts, and no more of it is made
# than is shown.

def show_kind(value):
    """Its type and size, and nothing of what is in it."""
    name, size = get_name(type(value)), count_items(value)
    if size is not None:
        yield f"<{name} of {size}>"
    else:
        yield f"{name}(...)" if get_flags(type(value)) & HEAP else f"<{name}>"


def show_text(value):
    """With the secrets in it hidden; then as Python writes it."""
    text = get_text(value)
    data = encode(text)
    if data is None or len(data) > LONGEST_TEXT or 0 in data:
        yield from show_kind(value)
    else:
        hidden = hide(data)
        yield repr(hidden.decode(errors="replace") if type(text) is str
                   else hidden)


def show_named(name, value, depth, hidden=False):
    """A value behind its name, in any notation."""
    if hidden or is_secret(name):
        yield MASKED
    else:
        yield from show_value(value, depth)


def show_items(items, depth):
    """Each item of a list or tuple may be the name of the next."""
    before, comma = None, ""
    for item in items:
        yield comma
        if get_text(before) is not None:
            yield from show_named(before, item, depth)
        else:
            yield from show_value(item, depth)
        before, comma = item, ", "


def show_list(value, depth):
    begin, end = "[]" if issubclass(type(value), list) else "()"
    yield begin
    yield from show_items(get_items(value), depth)
    yield "," * (begin == "(" and tuple.__len__(value) == 1) + end


def show_set(value, depth):
    comma = get_name(type(value)) + "({"
    for item in get_items(value):
        yield comma
        yield from show_value(item, depth)
        comma = ", "
    yield "})" if comma == ", " else comma + "})"


def describes_secret(pairs):
    """Whether one of them says so: {'name': 'password', 'value': ...}."""
    return any(holds_name(key) and get_text(value) is not None
               and is_secret(value) for key, value in pairs)


def show_dict(value, depth):
    pairs, comma = list(dict.items(value)), ""
    hidden = describes_secret(pairs)
    yield "{"
    for key, item in pairs:
        yield comma
        yield from show_value(key, depth)
        yield ": "
        yield from show_named(key, item, depth, hidden and not holds_name(key))
        comma = ", "
    yield "}"


def show_fields(value, pairs, depth):
    """An object by its fields, in its own notation."""
    hidden, comma = describes_secret(pairs), ""
    yield get_name(type(value)) + "("
    for name, item in pairs:
        yield comma
        if issubclass(type(name), str):
            yield get_text(name)
        else:
            yield from show_value(name, depth)
        yield "="
        yield from show_named(name, item, depth,
                              hidden and not holds_name(name))
        comma = ", "
    yield ")"


def show_object(value, depth):
    """Something that a class has made: what it holds is its own affair."""
    kind, names = type(value), None
    if kind is SimpleNamespace or get_flags(kind) & HEAP:
        names = get_dict(value)
    if names is not None and value is find_loaded("os", "environ") and type(
            names.get("_data")) is dict:
        yield from show_dict(names["_data"], depth)
    elif names is not None and kind is SimpleNamespace:
        yield from show_fields(value, list(names.items()), depth)
    elif names == {} and count_items(value) is None:
        yield get_name(kind) + "()"
    else:
        yield from show_kind(value)


def is_plain(value):
    """Python's own, of which C makes a text that says nothing else."""
    kind = type(value)
    return value is None or value is ... or kind in (
        bool, int, float, complex, range) or (
        not get_flags(kind) & HEAP and kind.__module__ == "datetime")


def show_value(value, depth=0):
    kind, fields = type(value), find_fields(value)
    base = find_base(value, (*TEXTS, dict, list, tuple, set, frozenset, type,
                             BaseException))
    if depth >= DEEPEST:
        yield "..."
    elif is_plain(value):
        try:
            yield repr(value)
        except ValueError:  # a number of thousands of digits
            yield from show_kind(value)
    elif base in TEXTS:
        yield from show_text(value)
    elif base is dict:
        yield from show_dict(value, depth + 1)
    elif fields is not None:
        yield from show_fields(value, fields, depth + 1)
    elif base in (list, tuple):
        yield from show_list(value, depth + 1)
    elif base in (set, frozenset):
        yield from show_set(value, depth + 1)
    elif base is type:
        yield f"<class {get_name(value)}>"
    elif kind is Function:
        yield f"<function {value.__qualname__}>"
    elif base is BaseException:
        yield get_name(kind) + "("
        yield from show_items(get_arguments(value), depth + 1)
        yield ")"
    else:
        yield from show_object(value, depth + 1)


# A line of the source may have a secret in it: a literal behind its name, or a
# URL. What a message has is found in the exception's arguments.

def hide_literal(found):
    begin, name, quote, text = found.groups()
    shown = (MASK if name and is_secret(name)
             else hide(to_bytes(text)).decode(errors="replace"))
    return begin + quote + shown + quote


def hide_literals(trace):
    import re
    literal = re.compile(
        r"""((?:["']?\b(\w+)["']?\]?\s*[=:,]\s*)?\w{0,2})"""
        r"""(["'])((?:\\.|(?!\3).)*)\3""")
    return "\n".join(
        literal.sub(hide_literal, line)
        if line.startswith("    ") else line for line in trace.split("\n"))


def show_variable(name, value):
    text = ""
    for part in show_named(name, value, 0):
        text += part
        if len(text) >= LONGEST:
            break
    return text[:LONGEST]


def show_variables(frame):
    """The text of each variable, but what every module has, as __name__."""
    return {name: show_variable(name, value)
            for name, value in dict(frame.f_locals).items()
            if not (type(name) is str and name.startswith("__"))}


# "wrong password hunter2" has no name in it that tells. But the value is known
# wherever it has one: so the values are gathered, and masked wherever they
# stand.

WORD = 3             # characters: a shorter secret is none that can be found
ANYWHERE = 6         # from so many on, a secret is masked inside words, too
DEEPEST_SECRET = 6   # value in a value
MOST = 50000         # values that are looked at
LONGEST_SEARCHED = 4096  # bytes of one
LONGEST_CHAIN = 20   # exceptions, one because of the other


def has_own_file(names):
    """Whether a module is the user's; others have no secrets of his."""
    return type(names.get("__file__")) is str and is_own(names["__file__"])


def is_own_class(kind, here):
    """A class of the user's, as frameworks have their settings."""
    if not get_flags(kind) & HEAP:
        return False
    name = get_names(kind).get("__module__")
    # A module whose import failed is not in sys.modules any more.
    if name is None or name == here:
        return name is not None
    module = sys.modules.get(name)
    return issubclass(type(module), Module) and has_own_file(get_dict(module))


def list_parts(value, here):
    """What a value holds, with names or None, without asking it."""
    kind = type(value)
    base = find_base(value, (dict, list, set, frozenset, Module, type))
    if base is dict:
        return list(dict.items(value))
    fields = find_fields(value, True)
    if fields is not None:
        return fields
    if base in (list, set, frozenset) or issubclass(kind, tuple):
        return [(None, item) for item in list(get_items(value))]
    names = None
    if base is Module:
        names = get_dict(value) if has_own_file(get_dict(value)) else None
    elif base is type:
        names = get_names(value) if is_own_class(value, here) else None
    elif get_flags(kind) & HEAP:
        names = get_dict(value)
    return list((names or {}).items())


def find_hidden(text, left):
    """Yields what show_text() hides: in a URL, a header, or JSON."""
    data = encode(text)
    if (not data or len(data) > LONGEST_SEARCHED or 0 in data
            or data in left[1]):
        return
    left[0] -= len(data) // 100
    left[1].add(data)
    first, *parts = hide(data).split(MASK.encode())
    at = len(first)
    for i, part in enumerate(parts, 1):
        # What stands behind the last one is the end of the text.
        end = (data.find(part, at) if i < len(parts)
               else len(data) - len(part))
        yield data[at:end].decode(errors="replace")
        at = end + len(part)


def is_key_of_dict(name, value):
    """What a variable called key mostly has: a name, as in a loop over a dict.

    It is masked in its own line alone: other lines have that word, too.
    """
    return (type(name) is str and name == "key" and type(value) is str
            and value.replace("-", "").replace("_", "").isalpha())


def find_in_values(pairs, here, left):
    """Yields each secret in values by their names.

    left is a list: how many more to look at, and which texts were searched.
    """
    todo = [(value, is_secret(name) and not is_key_of_dict(name, value), 0)
            for name, value in pairs]
    for value, secret, depth in todo:
        if left[0] <= 0:
            break
        left[0] -= 1
        text = get_text(value)
        if text is not None:
            if type(text) is not str:
                text = text.decode(errors="backslashreplace")
            yield from [text] if secret else find_hidden(text, left)
        elif depth < DEEPEST_SECRET:
            todo.extend((part, secret or is_secret(name), depth + 1)
                        for name, part in list_parts(value, here))


def list_exceptions(error, depth=0):
    """This, and those that its traceback shows (PEP 3134, PEP 654)."""
    if depth > LONGEST_CHAIN or not issubclass(type(error), BaseException):
        return
    yield error
    for other in (error.__cause__, error.__context__,
                  *(getattr(error, "exceptions", None) or ())):
        yield from list_exceptions(other, depth + 1)


def find_all_secrets(error):
    """In the process's environment, and in what each frame can see."""
    import os
    left, seen = [MOST, set()], set()  # tracebacks, and names of modules
    yield from find_in_values(dict(os.environ).items(), None, left)
    for each in list_exceptions(error):
        yield from find_in_values([(None, get_arguments(each))], None, left)
        at = each.__traceback__
        while at is not None and at not in seen:
            seen.add(at)
            names = at.tb_frame.f_globals
            here = names.get("__name__") if has_own_file(names) else None
            yield from find_in_values(
                dict(at.tb_frame.f_locals).items(), here, left)
            if id(names) not in seen:
                seen.add(id(names))
                yield from find_in_values(list(names.items()), here, left)
            at = at.tb_next


def list_spellings(secret):
    """How else a text may stand in another: escaped, encoded."""
    from binascii import b2a_base64
    from json import dumps
    from urllib.parse import quote, quote_plus
    data = secret.encode(errors="backslashreplace")
    yield from (secret, repr(secret)[1:-1], dumps(secret)[1:-1], quote(data),
                quote(data, ""), quote_plus(data))
    # Base64 writes three bytes as four characters. Those that have no bit of
    # another byte are the same whatever stands before and behind the secret.
    for shift in range(3):
        text = b2a_base64(b"-" * shift + data, newline=False).decode()
        text = text[(8 * shift + 5) // 6:(shift + len(data)) * 8 // 6]
        yield from (text, text.translate({43: "-", 47: "_"}))


def make_mask(error):
    """What masks the secrets in a text, wherever they stand."""
    import re
    anywhere, words = set(), set()
    for secret in find_all_secrets(error):
        if len(secret) >= ANYWHERE:
            anywhere.update(list_spellings(secret))
        elif len(secret) >= WORD and secret.strip():
            words.add(secret)
    longest_first = sorted(anywhere, key=len, reverse=True)
    patterns = [*map(re.escape, longest_first),
                *(rf"(?<!\w){re.escape(word)}(?!\w)" for word in words)]
    pattern = re.compile("|".join(patterns) or "(?!)")
    return lambda text: pattern.sub(MASK, text)
