import collections
import itertools
from collections import deque

from base import Copy, Job, Move, Other, reveal

literal = [Copy(), Move()]
reveal(literal)  # [Copy | Move]
reveal(literal[0])  # Copy | Move
reveal(literal[1:])  # [Copy | Move]
reveal(literal.pop())  # Copy | Move
pair = (Copy(), Other())
reveal(pair)  # (Copy, Other)
reveal(pair[0])  # Copy
reveal(pair[-1])  # Other
first, second = pair
reveal(first)  # Copy
reveal(second)  # Other
head, *rest = [Copy()], Other(), Move()
reveal(head)  # [Copy]
table = {"copy": Copy(), "other": Other()}
reveal(table["copy"])  # Copy
reveal(table.get("other"))  # Other
reveal(table.get("none", Move()))  # Move
reveal(list(table.values()))  # [Copy | Other]
reveal(list(table))  # ['copy' | 'other']
for key, value in table.items():
    reveal(key)  # 'copy' | 'other'
    reveal(value)  # Copy | Other

grown = []
grown.append(Copy())
grown.extend([Move()])
reveal(grown)  # [Copy | Move | Other]
grown += [Other()]
stored = {}
stored["x"] = Copy()
stored.setdefault("y", Move())
stored.update({"z": Other()})
reveal(stored["x"])  # Copy
reveal(stored["y"])  # Move
reveal(stored["z"])  # Other
reveal(list(stored.values()))  # [Copy | Move | Other]
reveal({**stored, "w": Job()}["w"])  # Job
nested = {"a": {"b": Copy()}}
reveal(nested["a"]["b"])  # Copy
queue = deque([Copy()])
reveal(queue.popleft())  # Copy
groups = collections.defaultdict(list)
groups["x"].append(Copy())
reveal(groups["x"])  # [Copy]
for members in groups.values():
    reveal(members[0])  # Copy
counters = collections.defaultdict(Copy)
reveal(counters["x"])  # Copy

reveal([each for each in literal])  # [Copy | Move]
reveal({each.name: each for each in literal}["job"])  # Copy | Move
reveal(next(iter(literal)))  # Copy | Move
reveal(next((each for each in literal if each.name), None))  # Copy | Move | None
reveal(sorted(literal, key=lambda each: each.name)[0])  # Copy | Move
reveal(list(reversed(literal))[0])  # Copy | Move
reveal(max(literal, key=id))  # Copy | Move
reveal(dict(a=Copy())["a"])  # Copy
reveal(dict(zip(["a"], [Copy()]))["a"])  # Copy
for position, each in enumerate(literal):
    reveal(each)  # Copy | Move
for one, two in zip(literal, [Other()]):
    reveal(one)  # Copy | Move
    reveal(two)  # Other
for each in itertools.chain([Copy()], [Other()]):
    reveal(each)  # Copy | Other
for each in filter(None, literal):
    reveal(each)  # Copy | Move
reveal([*literal, Other()])  # [Copy | Move | Other]
reveal([Copy()] + [Move()])  # [Copy | Move]
reveal(list(map(lambda each: Other(), literal))[0])  # Other
left = right = Copy()
reveal(right)  # Copy
(a, b), c = (Copy(), Move()), Other()
reveal(b)  # Move
[x] = [Copy()]
reveal(x)  # Copy


class Registry:
    def __init__(self) -> None:
        self._items: dict[str, Job] = {}
        self._loose = {}
        self._list = []

    def add(self, job):
        self._loose[job.name] = job
        self._list.append(job)

    def loose(self, name):
        return self._loose[name]

    def listed(self):
        return self._list

    def __getitem__(self, name: str) -> Job:
        return self._items[name]

    def __iter__(self):
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)


registry = Registry()
registry.add(Copy())
reveal(registry.loose("x"))  # Copy
reveal(registry.listed())  # [Copy]
reveal(registry["x"])  # Job
for each in registry:
    reveal(each)  # Job


class Jobs(list[Job]):
    pass


for each in Jobs():
    reveal(each)  # Job


class Countdown:
    def __iter__(self):
        return self

    def __next__(self) -> Job:
        return Copy()


for each in Countdown():
    reveal(each)  # Job


def merged(times, options):
    for _ in range(times):
        options = {**options, "last": Move()}
    reveal(options["job"])  # Copy
    reveal(options["last"])  # Move


merged(3, {"job": Copy()})
