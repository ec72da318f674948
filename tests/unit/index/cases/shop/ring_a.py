from shop.ring_b import *
from shop import ring_b


class First:
    def second(self):
        return ring_b.Second()
