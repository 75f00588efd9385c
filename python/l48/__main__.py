"""Runs the program `l48`: `python -m l48`, and the command that the package installs."""

import signal
import sys

from ._native import program


def main() -> int:
    """Runs the program with this process's command line, and returns its exit code."""
    # Python would only note that Ctrl-C was pressed, and act on it when the program has ended.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return program(["l48", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
