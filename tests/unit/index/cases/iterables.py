"""What well-known functions make of containers."""

import asyncio
import concurrent.futures
import contextvars
import heapq
import itertools
import operator
import queue
import random
import weakref
from collections import ChainMap, UserDict, deque
from unittest import mock
from unittest.mock import patch

from base import Color, Copy, Job, Move, Other, reveal

jobs = [Copy(), Move()]
groups = [[Copy()], [Move()]]

reveal(list(itertools.chain(jobs, [Other()])))  # [Copy | Move | Other]
reveal(list(itertools.chain.from_iterable(groups)))  # [Copy | Move]
reveal(list(itertools.islice(jobs, 2))[0])  # Copy | Move
reveal(next(itertools.cycle(jobs)))  # Copy | Move
reveal(next(iter([]), Other()))  # Other
reveal(next(itertools.repeat(Copy())))  # Copy
left, right = itertools.tee(jobs)
reveal(next(left))  # Copy | Move
for pair in itertools.pairwise(jobs):
    reveal(pair)  # (Copy | Move, Copy | Move)
for job, number in itertools.product(jobs, [1]):
    reveal(job)  # Copy | Move
for job, other in itertools.zip_longest(jobs, [Other()]):
    reveal(other)  # Other
for key, group in itertools.groupby(jobs, key=lambda each: each.name):
    reveal(key)  # ?
    reveal(list(group))  # [Copy | Move]
for permuted in itertools.permutations(jobs, 2):
    reveal(permuted[0])  # Copy | Move
reveal(list(itertools.starmap(lambda job: job, [(Copy(),)])))  # [Copy]
reveal(list(filter(None, jobs)))  # [Copy | Move]
reveal(list(map(Job, [1])))  # [Job]
reveal(max(jobs, key=id))  # Copy | Move
reveal(max(Copy(), Other()))  # Copy | Other
reveal(random.choice(jobs))  # Copy | Move
reveal(random.sample(jobs, 1))  # [Copy | Move]
reveal(list(enumerate(jobs)))  # [(?, Copy | Move)]
reveal(list(reversed(jobs)))  # [Copy | Move]
reveal(sorted(jobs))  # [Copy | Move]
reveal(heapq.nsmallest(1, jobs))  # [Copy | Move]
reveal((jobs * 2)[0])  # Copy | Move
reveal((2 * jobs)[0])  # Copy | Move
reveal([*jobs, Other()])  # [Copy | Move | Other]
reveal({**{"a": Copy()}}["a"])  # Copy
reveal(({"a": Copy()} | {"b": Other()})["b"])  # Other
reveal(dict(a=Copy())["a"])  # Copy
reveal(dict([("a", Copy())])["a"])  # Copy
reveal(dict.fromkeys(["a"], Copy())["a"])  # Copy
reveal(list(dict.fromkeys(jobs)))  # [Copy | Move]
reveal(dict.fromkeys(jobs))  # {?}
reveal(ChainMap({"a": Copy()})["a"])  # Copy
reveal(operator.itemgetter("a")({"a": Copy(), "b": Other()}))  # Copy
reveal(operator.attrgetter("name")(Copy()))  # 'job'
reveal(operator.attrgetter("value.upper")(Color.RED))  # smeth

heap = []
heapq.heappush(heap, Copy())
reveal(heapq.heappop(heap))  # Copy | Move
reveal(heapq.heappushpop(heap, Move()))  # Copy | Move
line = queue.Queue()
line.put(Copy())
reveal(line.get())  # Copy
both = deque()
both.appendleft(Copy())
both += [Move()]
reveal(both.popleft())  # Copy | Move
seen = set()
seen |= {Other()}
reveal(seen.pop())  # Other
first, second = [], {}
first.append(Copy())
second["a"] = Move()
reveal(first)  # [Copy]
reveal(second)  # {Move}
current = contextvars.ContextVar("current", default=None)
current.set(Copy())
reveal(current.get())  # Copy | None
weak = weakref.WeakValueDictionary()
weak["a"] = Copy()
reveal(weak["a"])  # Copy
reveal(weakref.ref(Copy())())  # Copy


class Held(dict[str, Job]):
    def first(self):
        reveal(self["a"])  # Job
        return self.get("a")


class Listed(list[Job]):
    pass


class Row(tuple[Job, Other]):
    pass


class Untyped(UserDict):
    pass


reveal(Held()["a"])  # Job
reveal(Held().first())  # Job
reveal(list(Held().values()))  # [Job]
reveal(Listed()[0])  # Job
for each in Listed():
    reveal(each)  # Job
reveal(Row()[1])  # Other
reveal(Untyped()["a"])  # ?


async def asynchronous():
    task = asyncio.create_task(made())
    reveal(await task)  # Copy
    reveal(task.result())  # Copy
    done, waiting = await asyncio.wait([task])
    for each in done:
        reveal(each.result())  # Copy
    for each in asyncio.as_completed([made()]):
        reveal(await each)  # Copy
    one, two = await asyncio.gather(made(), made())
    reveal(one)  # Copy
    reveal(await asyncio.gather(*[made() for _ in range(3)]))  # [Copy]
    reveal(await asyncio.to_thread(Copy))  # Copy
    reveal(await asyncio.get_running_loop().run_in_executor(None, Copy))  # Copy


async def made():
    return Copy()


def threads(pool: concurrent.futures.Executor):
    future = pool.submit(Copy)
    reveal(future.result())  # Copy
    for each in concurrent.futures.as_completed([future]):
        reveal(each.result())  # Copy
    reveal(list(pool.map(Copy, [1])))  # [Copy]
    reveal(asyncio.run(made()))  # Copy


@patch("base.Copy")
@patch.object(Other, "name")
def mocked(one, two, fixture=None):
    reveal(one)  # unittest.mock.MagicMock
    reveal(two)  # unittest.mock.MagicMock
    reveal(fixture)  # None
    reveal(one())  # unittest.mock.MagicMock
    reveal(mock.Mock()())  # unittest.mock.Mock
