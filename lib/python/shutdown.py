"""In which order objects have to end."""

import gc


def outermost_first(objects):
    """The objects, each before all that it refers to, directly or not."""
    known = set(map(id, objects))
    seen, order = set(), []
    for first in objects:
        waiting = [(first, False)]
        while waiting:
            one, is_left = waiting.pop()
            if is_left:
                order.append(one)
            elif id(one) not in seen:
                seen.add(id(one))
                waiting.append((one, True))
                waiting += [(each, False) for each in gc.get_referents(one)
                            if id(each) in known]
    return order[::-1]
