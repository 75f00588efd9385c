"""Validates a description with mlcroissant, reads every table through it, and compares with what the Rust reader saw:
croissant.py DESCRIPTION DATASET EXPECTED.json"""
import datetime, hashlib, json, os, socket, sys


def unreachable(*_):
    raise OSError("a test has no network")


socket.socket.connect = unreachable
import mlcroissant, pandas

description, dataset, expected = sys.argv[1], sys.argv[2], json.load(open(sys.argv[3], encoding="utf-8"))
croissant = mlcroissant.Dataset(description)
issues = croissant.metadata.ctx.issues
assert not issues.errors and not issues.warnings, issues.report()

# Every file is listed, with its size and digest.
objects = {one.id: one for one in croissant.metadata.file_objects}
found = {os.path.relpath(os.path.join(folder, name), dataset) for folder, _, names in os.walk(dataset) for name in names}
assert set(objects) == found, set(objects) ^ found
for name, one in objects.items():
    with open(os.path.join(os.path.dirname(description), one.content_url), "rb") as file:
        data = file.read()
    assert (one.sha256, one.content_size) == (hashlib.sha256(data).hexdigest(), f"{len(data)} B"), name


def plain(value, prefix):
    """Values as the Rust reader writes them: texts as texts, times as microseconds, members by their own names."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, pandas.Timestamp):
        return (value - pandas.Timestamp(0, tz="UTC")) // datetime.timedelta(microseconds=1)
    if isinstance(value, dict):
        return {name[len(prefix):]: plain(item, name + "/") for name, item in value.items()}
    return [plain(item, prefix) for item in value] if isinstance(value, list) else value


rows = 0
for record_set in croissant.metadata.record_sets:
    name = record_set.id
    tables = [table for path, table in expected.items() if path == f"{name}.parquet" or path.startswith(f"{name}/")]
    wanted = [row for table in tables for row in table["rows"]]
    found = [plain(dict(record), f"{name}/") for record in croissant.records(name)]
    assert len(found) == len(wanted), (name, len(found), len(wanted))
    for at, (row, want) in enumerate(zip(found, wanted)):
        assert row == want, f"{name}, row {at}: {row}, expected {want}"
    key = [tuple(row[column.split("/")[-1]] for column in record_set.key) for row in found]
    assert len(set(key)) == len(key), (name, key)
    rows += len(found)
print(f"{rows} rows of {len(croissant.metadata.record_sets)} tables equal, {len(objects)} files")
# Threads of a library may still run, and destroying them ends the process with an abort now and then.
sys.stdout.flush()
os._exit(0)
