"""The scanner by its script name: everything is `governance check`, with the same words and the same exit code."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Hand over to the scanner, or say in one line what it lacks."""
    sys.path.insert(0, str(ROOT))
    try:
        # The scanner loads libcst late; whether it is there is wanted before any output.
        import libcst  # noqa: F401

        from governance.cli import main as governance
    except (ImportError, SyntaxError) as error:
        print(f"the scanner cannot run here ({error}); run this instead: python3 scripts/dev.py check", file=sys.stderr)
        return 2
    return governance(["check", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
