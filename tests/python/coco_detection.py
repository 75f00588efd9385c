"""Loads boxes with pycocotools, compares them with what the Rust reader saw, and scores detections: coco_detection.py BOXES.json EXPECTED.json"""
import json, sys
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

coco, expected = COCO(sys.argv[1]), json.load(open(sys.argv[2], encoding="utf-8"))
assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == expected["classes"]
assert {image["file_name"] for image in coco.loadImgs(coco.getImgIds())} == set(expected["images"])
for image in coco.loadImgs(coco.getImgIds()):
    found = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
    wanted = expected["images"][image["file_name"]]
    assert len(found) == len(wanted), (image, found, wanted)
    for one, (code, ignored, box) in zip(found, wanted):
        assert (coco.cats[one["category_id"]]["name"], bool(one["iscrowd"])) == (code, ignored), (image, one)
        assert all(abs(a - b) < 1e-3 for a, b in zip(one["bbox"], box)), (image, one, box)
        assert one["bbox"][2] * one["bbox"][3] == one["area"] or abs(one["area"] / one["bbox"][2] / one["bbox"][3] - 1) < 1e-6


def precision(chosen):
    """Average precision of detections that lie exactly on the chosen annotations."""
    detections = [{"image_id": a["image_id"], "category_id": a["category_id"], "bbox": a["bbox"], "score": 1.0}
                  for a in coco.anns.values() if chosen(a)]
    evaluation = COCOeval(coco, coco.loadRes(detections), "bbox")
    evaluation.evaluate(), evaluation.accumulate(), evaluation.summarize()
    return evaluation.stats[0]


# Neither missing an ignored box nor finding it counts; missing another does.
assert precision(lambda a: not a["iscrowd"]) > 0.999 and precision(lambda a: True) > 0.999
assert precision(lambda a: a["id"] % 2 == 0) < 0.9
print(f"{len(coco.anns)} boxes equal")
