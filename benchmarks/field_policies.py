"""Random edits of real configurations, and what `policy` says of each: `field_policies.py [NUMBER [SEED]]`.

The configurations are those of `field/` and `field_samples/`. One edit each: a line goes, a line of another contract
of that file comes, an element of a list goes or comes, a word is replaced by another one of the file, a contract is
renamed. What is no valid configuration any more is counted and left out. Printed are the edit and the findings of
`governance check --base`, half of them of edits with a finding, half of edits without.
"""

from __future__ import annotations

import argparse
import difflib
import json
import random
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.field_edits import git

HERE: Final = Path(__file__).parent
CONFIGS: Final = [path for path in sorted(HERE.glob("field*/*.toml")) if path.name != "candidates.toml"]
_LIST: Final = re.compile(r"^[\w\"/*-]+ = \[.*\]$")
_ELEMENT: Final = re.compile(r'"[^"]*"|\d+')


def edited(text: str, luck: random.Random) -> str:
    """The text with one thing changed."""
    lines = text.split("\n")
    filled = [number for number, line in enumerate(lines) if line.strip() and not line.startswith("#")]
    lists = [number for number in filled if _LIST.match(lines[number])]
    kind = luck.choice(["gone", "come", "shorter", "longer", "word", "renamed"])
    at = luck.choice(filled)
    if kind == "gone":
        del lines[at]
    elif kind == "come":
        keys = [number for number in filled if " = " in lines[number]]
        lines.insert(at + 1, lines[luck.choice(keys)])
    elif kind in ("shorter", "longer") and lists:
        at = luck.choice(lists)
        elements = _ELEMENT.findall(lines[at].partition(" = ")[2])
        if kind == "shorter" and elements:
            elements.remove(luck.choice(elements))
        else:
            elements.insert(0, luck.choice(_ELEMENT.findall(lines[luck.choice(lists)].partition(" = ")[2]) or ['"x"']))
        lines[at] = f"{lines[at].partition(' = ')[0]} = [{', '.join(elements)}]"
    elif kind == "word":
        words = sorted({word for number in filled for word in _ELEMENT.findall(lines[number])})
        lines[at] = _ELEMENT.sub(lambda _: luck.choice(words), lines[at], count=1)
    else:
        tables = [number for number in filled if lines[number].startswith("[contracts.")]
        at = luck.choice(tables)
        name = lines[at].strip("[]").split(".")[1]
        lines = [line.replace(f"[contracts.{name}", f"[contracts.{name}-again") for line in lines]
    return "\n".join(lines)


def asked(root: Path) -> list[str] | None:
    """What the policy contract says; None if the configuration is not valid."""
    command = [sys.executable, "-m", "governance", "check", "--no-cache", "--format", "json", "--base", "base"]
    done = subprocess.run([*command, "--root", str(root)], cwd=root, check=False, capture_output=True, text=True)
    if done.returncode not in (0, 1, 3):
        return None
    return [
        f"[{each['grade']}] {each['check']}: {each['message']}"
        for each in json.loads(done.stdout)["findings"]
        if each["contract"] == "policy"
    ]


def main(number: int, seed: int) -> int:
    """Edit, ask, print."""
    luck, shown, invalid = random.Random(seed), {True: 0, False: 0}, 0
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        git(root, "init", "--quiet")
        config = root / "governance.toml"
        (root / "empty.py").write_text("")
        while min(shown.values()) < number:
            source = luck.choice(CONFIGS)
            text = source.read_text(encoding="utf-8")
            new = edited(text, luck)
            try:
                changed = tomllib.loads(new) != tomllib.loads(text)
            except tomllib.TOMLDecodeError:
                changed = False
            if not changed:
                continue
            config.write_text(text)
            git(root, "add", "--all")
            git(root, "commit", "--quiet", "--allow-empty", "-m", "as it was")
            git(root, "tag", "--force", "base")
            config.write_text(new)
            said = asked(root)
            if said is None:
                invalid += 1
            elif shown[bool(said)] < number:
                shown[bool(said)] += 1
                diff = difflib.unified_diff(text.split("\n"), new.split("\n"), n=2, lineterm="")
                print(f"\n{'finding' if said else 'none'} {shown[bool(said)]}. {source.name}")
                print(*(f"    {line}" for line in diff if not line.startswith(("---", "+++", "@@"))), sep="\n")
                print(*(f"  | {each}" for each in said), sep="\n")
    print(f"\n{invalid} edits made no valid configuration")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("number", nargs="?", type=int, default=100)
    parser.add_argument("seed", nargs="?", type=int, default=1)
    sys.exit(main(**vars(parser.parse_args())))
