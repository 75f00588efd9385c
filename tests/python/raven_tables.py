"""Reads every Raven selection table below a folder with crowsetta and prints how many selections they hold.

Tables without rows, which crowsetta refuses, are left out.
"""

import sys
from pathlib import Path

from crowsetta.formats.bbox.raven import Raven

selections = 0
for table in sorted(Path(sys.argv[1]).rglob("*.selections.txt")):
    rows = len(table.read_text().splitlines()) - 1
    if rows == 0:
        continue
    annotation = Raven.from_file(table, annot_col="Species Code").to_annot()
    boxes = annotation.bboxes
    assert len(boxes) == rows, (table, len(boxes), rows)
    for box in boxes:
        assert 0 <= box.onset < box.offset and 0 <= box.low_freq < box.high_freq and box.label, box
    selections += len(boxes)
print(f"{selections} selections")
