from base import Copy, Job, Move, Other, reveal


def rebound():
    x = Copy()
    reveal(x)  # Copy
    x = Other()
    reveal(x)  # Other


def branches(flag):
    if flag:
        x = Copy()
    elif flag is None:
        x = Move()
    else:
        x = Other()
    reveal(x)  # Copy | Move | Other


def early(flag):
    x = Copy()
    if flag:
        x = Other()
        return x
    reveal(x)  # Copy


def loops(items):
    x = Copy()
    for _ in items:
        reveal(x)  # Copy | Move
        x = Move()
    reveal(x)  # Copy | Move
    while True:
        y = Other()
        if items:
            break
    reveal(y)  # Other


def tried():
    x = Copy()
    try:
        x = Move()
        x = Other()
    except ValueError as error:
        reveal(x)  # Copy | Move
        reveal(error)  # ValueError
    except (KeyError, OSError):
        x = Copy()
    else:
        reveal(x)  # Other
    finally:
        reveal(x)  # Copy | Move | Other


def walrus():
    if (x := Copy()).name:
        reveal(x)  # Copy
    reveal(x)  # Copy


def conditional(flag):
    x = Copy() if flag else None
    reveal(x)  # Copy | None
    reveal(x or Move())  # Copy | Move
    reveal(flag and Copy())  # Copy


def deleted():
    x = Copy()
    del x
    x = Move()
    reveal(x)  # Move


def closures():
    x = Copy()

    def change():
        nonlocal x
        x = Other()

    def read():
        reveal(x)  # Copy | Other

    change()
    read()


current = None


def set_current():
    global current
    current = Copy()


def get_current():
    reveal(current)  # Copy | None


def shadow():
    Job = Other
    reveal(Job())  # Other


def looped_value():
    for x in [Copy(), Move()]:
        pass
    reveal(x)  # Copy | Move


def swapped():
    a, b = Copy(), Move()
    a, b = b, a
    reveal(a)  # Move
    reveal(b)  # Copy


def comprehension_scope():
    x = Copy()
    names = [x for x in [Other()]]
    reveal(x)  # Copy
    reveal(names)  # [Other]


class Body:
    default = Copy()
    alias = default
    reveal(alias)  # Copy

    def method(self):
        reveal(self.alias)  # Copy
        reveal(self)  # Body
        reveal(type(self))  # type[Body]
        reveal(self.__class__)  # type[Body]
