"""Compares the Parquet tables of a dataset, as one library reads them, with what the Rust reader saw:
tables.py pyarrow|duckdb|polars DATASET EXPECTED.json"""
import datetime, json, os, sys

library, dataset, expected = sys.argv[1], sys.argv[2], json.load(open(sys.argv[3], encoding="utf-8"))
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
DUCKDB = {"BIGINT": "int64", "INTEGER": "int32", "UINTEGER": "uint32", "UBIGINT": "uint64", "DOUBLE": "float64", "FLOAT": "float32",
          "VARCHAR": "string", "BOOLEAN": "bool", "TIMESTAMP WITH TIME ZONE": "timestamp"}


def with_pyarrow(path):
    import pyarrow as pa, pyarrow.parquet as pq

    def kind(t):
        if pa.types.is_list(t):
            return [kind(t.value_type)]
        if pa.types.is_struct(t):
            return {t.field(i).name: kind(t.field(i).type) for i in range(t.num_fields)}
        if pa.types.is_timestamp(t):
            return "timestamp" if (t.unit, t.tz) == ("us", "UTC") else str(t)
        return {"double": "float64", "float": "float32"}.get(str(t), str(t))

    table = pq.read_table(path)
    return {field.name: kind(field.type) for field in table.schema}, table.to_pylist()


def with_duckdb(path):
    import duckdb

    def kind(t):
        if t.id == "list":
            return [kind(t.children[0][1])]
        if t.id == "struct":
            return {name: kind(child) for name, child in t.children}
        return DUCKDB.get(str(t), str(t))

    kinds = {column[0]: kind(column[1]) for column in duckdb.execute("SELECT * FROM read_parquet(?)", [path]).description}
    # Times with a zone need another package to become Python's.
    times = ", ".join(f"epoch_us({name}) AS {name}" for name, k in kinds.items() if k == "timestamp")
    replace = f"REPLACE ({times})" if times else ""
    found = duckdb.execute(f"SELECT * {replace} FROM read_parquet(?)", [path])
    return kinds, [dict(zip(kinds, row)) for row in found.fetchall()]


def with_polars(path):
    import polars as pl

    def kind(t):
        if isinstance(t, pl.List):
            return [kind(t.inner)]
        if isinstance(t, pl.Struct):
            return {field.name: kind(field.dtype) for field in t.fields}
        if isinstance(t, pl.Datetime):
            return "timestamp" if (t.time_unit, t.time_zone) == ("us", "UTC") else str(t)
        return {"Boolean": "bool"}.get(str(t), str(t).lower())

    table = pl.read_parquet(path)
    return {name: kind(t) for name, t in table.schema.items()}, table.to_dicts()


def plain(value):
    """JSON has no times: microseconds since 1970."""
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


rows = 0
for name, table in expected.items():
    kinds, found = {"pyarrow": with_pyarrow, "duckdb": with_duckdb, "polars": with_polars}[library](os.path.join(dataset, name))
    assert kinds == table["columns"], f"{name}: types are {kinds}, expected {table['columns']}"
    assert len(found) == len(table["rows"]), f"{name}: {len(found)} rows, expected {len(table['rows'])}"
    for at, (row, wanted) in enumerate(zip(map(plain, found), table["rows"])):
        for column in wanted:  # `==` alone takes True for 1 and 1.0 for 1
            assert row[column] == wanted[column] and type(row[column]) is type(wanted[column]), \
                f"{name}, row {at}, {column}: {row[column]!r}, expected {wanted[column]!r}"
    rows += len(found)
print(f"{rows} rows of {len(expected)} tables equal")
