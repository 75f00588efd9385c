"""Checks shardfmt/python/read_labels.py, shardfmt/queries/is_absent.sql in DuckDB, and is_absent.R in R where there is one,
on random label tables in both forms, and on built datasets, each given with what it should say:
is_absent.py REPOSITORY SCRATCH [DATASET EXPECTED]..."""
import csv, json, os, random, shutil, subprocess, sys
import duckdb, pyarrow as pa, pyarrow.parquet as pq

queries, scratch = os.path.join(sys.argv[1], "shardfmt/queries"), sys.argv[2]
CODES = ["woothr", "norcar", "bkcchi", "refspi1", "x-noise"]
sys.path.insert(0, os.path.join(sys.argv[1], "shardfmt/python"))
import read_labels

TEXTS, TEXT = pa.list_(pa.string()), pa.string()
rng = random.Random(48)


def sample(codes=CODES):
    return rng.sample(codes, rng.randint(0, len(codes)))


def prior_of(asset):
    """Not known; every class modelled; or a list of modelled classes. Possible may be none at all."""
    possible = None if asset % 4 == 0 else [] if asset % 4 == 1 else sample()
    return {"asset_id": asset, "geo_possible": possible, "geo_modelled": None if asset % 3 == 0 else sample()}


def clip_of(asset, index, implied):
    """A row, and the label of every class by the words of the specification."""
    listed = {code: rng.choice(["present", "absent", "unknown"]) for code in (sample() if implied else CODES)}
    row = {"asset_id": asset, "clip_index": index}
    row |= {label: [code for code in listed if listed[code] == label] for label in ("present", "absent", "unknown")}
    if not implied:
        return row, listed
    row["others"], prior = rng.choice(["absent", "unknown", "prior"]), priors[asset]
    possible, modelled = prior["geo_possible"], prior["geo_modelled"]
    out = {code for code in CODES if possible is not None and code not in possible and (modelled is None or code in modelled)}
    rest = {code: row["others"] if row["others"] != "prior" else "absent" if code in out else "unknown" for code in CODES}
    return row, rest | listed


def in_python(folder):
    found = {}
    for clip, prior in read_labels.clips(folder):
        for code in CODES:
            label = read_labels.label_of(code, clip, prior)
            assert read_labels.is_absent(code, clip, prior) == (label == "absent")
            found[clip["asset_id"], clip["clip_index"], code] = label
    return found


def in_duckdb(folder):
    database = duckdb.connect()
    database.execute(open(os.path.join(queries, "is_absent.sql"), encoding="utf-8").read())
    found = {}
    for code in CODES:
        labels = "SELECT asset_id, clip_index, label, is_absent($1, labelled) FROM l48_labels($2, $1) AS labelled"
        for asset, index, label, absent in database.execute(labels, [code, folder]).fetchall():
            assert absent == (label == "absent")
            found[asset, index, code] = label
    try:
        database.execute("FROM l48_labels($1, 'wothr')", [folder]).fetchall()
    except duckdb.Error as error:
        assert "no class wothr" in str(error), error
    else:
        raise AssertionError("a code that is no class was accepted")
    lists = ("present", "absent", "unknown", "geo_possible", "geo_modelled")
    joined = ", ".join(f"array_to_string({name}, ';') AS {name}" for name in lists)
    database.execute(f"COPY (SELECT * REPLACE ({joined}) FROM l48_clips('{folder}')) TO '{scratch}/rows.csv' (NULL '\\N')")
    return found


def in_r(folder):
    program = f"""
        source("{queries}/is_absent.R")
        clips <- read.csv("{scratch}/rows.csv", colClasses = "character", na.strings = "\\\\N")
        if (all(is.na(clips$others))) clips$others <- NULL
        taxa <- c({", ".join(f'"{code}"' for code in CODES)})
        as_lists <- clips
        for (name in c("present", "absent", "unknown", "geo_possible", "geo_modelled")) as_lists[[name]] <- strsplit(clips[[name]], ";")
        for (code in taxa) {{
            label <- label_of(code, clips, taxa)
            stopifnot(identical(label, label_of(code, as_lists, taxa)), identical(label == "absent", is_absent(code, clips, taxa)))
            write.table(data.frame(clips$asset_id, clips$clip_index, code, label), sep = ",", row.names = FALSE, col.names = FALSE)
        }}
        stopifnot(inherits(try(label_of("wothr", clips, taxa), silent = TRUE), "try-error"))"""
    output = subprocess.run(["Rscript", "--vanilla", "-e", program], check=True, capture_output=True, text=True).stdout
    return {(int(asset), int(index), code): label for asset, index, code, label in csv.reader(output.splitlines())}


def compare(folder, expected):
    for reader in readers:
        found = reader(folder)
        wrong = [(key, found.get(key), label) for key, label in expected.items() if found.get(key) != label]
        assert len(found) == len(expected) and not wrong, f"{reader.__name__}, {folder}: {wrong[:3]}"


readers = [in_python, in_duckdb] + ([in_r] if shutil.which("Rscript") else [])
priors = {asset: prior_of(asset) for asset in range(24)}
for implied in (False, True):
    folder = os.path.join(scratch, "implied" if implied else "listed")
    columns = [("asset_id", pa.int64()), ("clip_index", pa.uint32()), ("present", TEXTS), ("absent", TEXTS), ("unknown", TEXTS)]
    columns += [("others", TEXT)] if implied else []
    rows, expected = [], {}
    for asset in priors:
        for index in range(8):
            row, labels = clip_of(asset, index, implied)
            rows.append(row)
            expected |= {(asset, index, code): label for code, label in labels.items()}
    of_priors = [("asset_id", pa.int64()), ("geo_possible", TEXTS), ("geo_modelled", TEXTS)]
    tables = {"labels/00000": (rows, columns), "priors/00000": (list(priors.values()), of_priors),
              "taxa": ([{"species_code": code} for code in CODES], [("species_code", TEXT)])}
    for name, (items, schema) in tables.items():
        path = os.path.join(folder, f"{name}.parquet")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        pq.write_table(pa.Table.from_pylist(items, pa.schema(schema)), path)
    with open(os.path.join(folder, "dataset.json"), "w", encoding="utf-8") as file:
        json.dump({"features_required": ["implied_labels"] if implied else []}, file)
    compare(folder, expected)
for folder, file in zip(sys.argv[3::2], sys.argv[4::2]):
    labels = json.load(open(file, encoding="utf-8"))
    CODES = sorted({code for _, _, code, _ in labels})
    compare(folder, {(asset, index, code): label for asset, index, code, label in labels})
print("labels equal: " + ", ".join(reader.__name__[3:] for reader in readers))
