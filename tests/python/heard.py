"""Compares what shardfmt/python/read_labels.py says was heard with what it should say: heard.py REPOSITORY DATASET EXPECTED"""
import json, os, sys

sys.path.insert(0, os.path.join(sys.argv[1], "shardfmt/python"))
import read_labels

heard = {str(asset): codes for asset, codes in read_labels.heard(sys.argv[2]).items()}
clips = [[row["asset_id"], row.get("from_recording")] for row, _ in read_labels.clips(sys.argv[2])]
expected = json.loads(sys.argv[3])
assert heard == expected["heard"], heard
assert clips == expected["clips"], clips
print("heard equal")
