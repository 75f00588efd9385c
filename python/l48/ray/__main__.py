"""Defines the command line `python -m l48.ray`."""

from __future__ import annotations

import argparse
import sys

from . import BuildError, build

EXAMPLES = """\
Exit codes: 0 success; 1 the dataset was built, but some recordings were rejected; 2 failure that a retry does not mend;
75 failure that it may mend: run the same command again, which goes on where it stopped.

Examples:
  python -m l48.ray build birds.toml --out /shared/birds
  python -m l48.ray build birds.toml --out /shared/birds --address auto --cpus 4
  ray job submit --address http://head:8265 -- python -m l48.ray build /shared/birds.toml --out /shared/birds
"""


def main(words: list[str] | None = None) -> int:
    """Runs a command, by default that of this process's command line, and returns its exit code."""
    arguments = vars(_parser().parse_args(words))
    del arguments["command"]
    try:
        built = build(**arguments)
    except (BuildError, ValueError) as error:
        print(f"l48.ray: {error}", file=sys.stderr)
        return error.code if isinstance(error, BuildError) else 2
    except KeyboardInterrupt:
        print("l48.ray: stopped; the same command goes on", file=sys.stderr)
        return 130
    print(built.summary, end="")
    return 1 if built.rejects else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m l48.ray",
        description="Builds datasets on a Ray cluster: plan, parts, commit. The bytes are those of `l48 build`.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "build",
        help="build a dataset from a manifest on all nodes of a Ray cluster, or on this machine",
        description="Builds a dataset from a manifest on all nodes of a Ray cluster, or on this machine.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = command.add_argument
    add("manifest", help="the manifest (TOML); it and all it names have the same paths on all nodes")
    add("--out", required=True, metavar="DIR", help="folder of the dataset; an unfinished build there is taken up")
    add("--cpus", type=int, metavar="N", help="processors for each part [default: the smallest node's, at most 8]")
    add("--parts", type=int, metavar="N", help="parts to build in [default: parts of minutes]")
    add("--retries", type=int, metavar="N", default=5, help="times a part that was killed is begun again [default: 5]")
    add("--instruction-set", metavar="NAME", help="what all nodes have to have [default: what this machine has]")
    add("--max-rejects", type=int, metavar="N", help="commit nothing if more than this many recordings are rejected")
    add("--address", help="the cluster [default: RAY_ADDRESS, or one on this machine, else a new one of it alone]")
    add("--quiet", action="store_true", help="do not tell the progress on standard error")
    return parser


if __name__ == "__main__":
    sys.exit(main())
