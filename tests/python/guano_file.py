"""Writes GUANO metadata into a WAV file with the library of its authors."""

import sys
from datetime import datetime, timedelta, timezone

from guano import GuanoFile

file = GuanoFile(sys.argv[1])
file["GUANO|Version"] = 1.0
file["Timestamp"] = datetime(2024, 5, 1, 4, 30, 0, 250_000, tzinfo=timezone(timedelta(hours=2)))
file["Loc Position"] = (46.2519, -1.5)
file["Serial"] = "SM4-0815"
file["Note"] = "a note\nof two lines: with a colon"
file.write(make_backup=False)
