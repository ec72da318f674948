"""Standing: whether anything the last result rests on has been touched since, told from times and inodes alone.

Whatever is done to a file or to the entries of a folder changes its ctime, which nobody can set. So a result stands as
long as the folders that were searched, the files that count, and what git's answer depends on (its index, its
configuration, files with ignore rules) have the times they had, and none of them was younger than the scan by less
than a tick of any clock. Then nothing needs to be listed, and no content is read.

Not told from times: projects with links to folders, or with repositories inside.
"""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from governance.cache import SETTLED_NS, Cache
from governance.digest import digest

if TYPE_CHECKING:
    from governance.discovery import Listing
    from governance.settings import FileSettings

_NEVER: Final = "never"


def holds(cache: Cache, root: Path, key: str) -> bool:
    """Whether everything that was recorded under this key is as it was."""
    known = cache.standing(key)
    if known is None or known[0] != _environment():
        return False
    return _identity(cache, root, known[2:], time.time_ns()) == known[1] != ""


def record(
    cache: Cache, root: Path, key: str, started: int, files: FileSettings, listing: Listing, more: Iterable[str]
) -> None:
    """Let the result under this key stand until something is touched. started: when the scan began, in ns;
    more: paths outside of the listing, relative to the root or absolute, that the result rests on too."""
    settled = started - SETTLED_NS
    youngest = max((status.st_ctime_ns for status in listing.status.values()), default=started)
    known = cache.standing(key)
    if cache.folder is None or youngest > settled or (known and known[0] == _NEVER):
        return
    from governance import watched

    places = watched.places(root, by_git=listing.from_git)
    if places is None:
        cache.keep_standing(key, [_NEVER])
        return
    scripts = [path for path in listing.everything if "." not in path.rpartition("/")[2].lstrip(".")]
    paths = [*dict.fromkeys((*places, *listing.status, *scripts, *files.paths, *files.source_roots, *more))]
    identity = _identity(cache, root, paths, settled)
    if identity and not any("\0" in path for path in paths):
        cache.keep_standing(key, [_environment(), identity, *paths])


def _environment() -> str:
    names = sorted(name for name in os.environ if name.startswith("GIT_") or name in ("HOME", "XDG_CONFIG_HOME"))
    # A path in GIT_DIR and its like may be relative to where the command was given.
    place = str(Path.cwd()) if any(name.startswith("GIT_") for name in names) else ""
    settings = (f"{name}={os.environ[name]}" for name in names)
    return digest(*(text.encode("utf-8", "surrogateescape") for text in (place, *settings)))


def _identity(cache: Cache, root: Path, paths: Sequence[str], before: int) -> str:
    """Change times, sizes and inodes of all paths as one key; "" if one was changed after `before`, or nobody can tell.

    The first is a file of the cache that we made ourselves: a cache that comes with a checkout cannot know its inode.
    """
    if cache.own_file is None or not cache.own_file.exists() or os.stat not in os.supports_dir_fd:
        return ""
    seen: list[int] = []
    add = seen.extend
    stat, base = os.stat, os.open(root, os.O_RDONLY)
    try:
        for path in (str(cache.own_file), *paths):
            try:
                status = stat(path, dir_fd=base)
            except OSError:
                add((0, 0, 0))
                continue
            changed = status.st_ctime_ns
            if changed > before:
                return ""
            add((changed, status.st_size, status.st_ino))
        return digest(array("Q", seen).tobytes())
    except OverflowError:  # a file system with times or inodes of its own kind
        return ""
    finally:
        os.close(base)
