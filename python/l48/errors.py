"""Defines the exceptions of the package: what is wrong with a dataset, and where."""

from __future__ import annotations

from pathlib import Path


class DatasetError(Exception):
    """A dataset that cannot be read; `path` is the file it is about, if it is about one."""

    def __init__(self, message: str, path: Path | None = None) -> None:
        super().__init__(message)
        self.path = path


class RecordingError(Exception):
    """A recording that cannot be decoded exactly; `path` is its file, `stage` what refused it."""

    def __init__(self, message: str, path: Path | None = None, stage: str | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.stage = stage


class ChecksumError(DatasetError):
    """Bytes that are not those that were written: of a table, or of the clip in `row` of the shard `path`."""

    def __init__(
        self, message: str, path: Path | None = None, asset_id: int | None = None, row: int | None = None
    ) -> None:
        super().__init__(message, path)
        self.asset_id = asset_id
        self.row = row


class BuildError(Exception):
    """A build that did not come to a dataset. `code` is what the program's exit code would be: 75 if running it again
    may help, which goes on where it stopped, and 2 if something has to be mended before."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
