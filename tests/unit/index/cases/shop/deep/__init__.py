from .inner import Thing

default = Thing()
