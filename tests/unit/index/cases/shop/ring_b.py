from shop.ring_a import *
from shop import ring_a


class Second(ring_a.First):
    pass
