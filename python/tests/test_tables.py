"""Tables and cards as others write and read them: the metadata of a card, and published tables made with pandas and polars."""

import json
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import soundfile
from aru_metadata_parser.parse import parse_audiomoth_metadata_from_path

TAXONOMY = {
    "CATEGORY": ["species", "species", "species", "slash"],
    "SPECIES_CODE": ["grekis", "mallar3", "amekes", "y1"],
    "TAXON_CONCEPT_ID": ["avibase-1", "avibase-2", "avibase-3", "avibase-4"],
    "PRIMARY_COM_NAME": ["Great Kiskadee", "Mallard", "American Kestrel", "kestrel/duck"],
    "SCI_NAME": ["Pitangus sulphuratus", "Anas platyrhynchos", "Falco sparverius", "Falco sparverius/Anas platyrhynchos"],
    "ORDER": [""] * 4,
    "FAMILY": [""] * 4,
    "REPORT_AS": [None] * 4,
}


@pytest.fixture
def taxonomy(tmp_path: Path) -> Path:
    file = tmp_path / "ebird_taxonomy_v2024.csv"
    pd.DataFrame(TAXONOMY).to_csv(file, index=False)
    return file


def sound(file: Path, seed: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, np.random.default_rng(seed).normal(0, 0.1, 22_050), 22_050, format="WAV")


def imported(program: str, name: str, place: Path, taxonomy: Path, code: int = 0) -> pl.DataFrame:
    """What `l48 import` makes of a set, by source id, as polars reads it; pandas reads the same."""
    out = place.parent / f"{place.name}-tables"
    command = [program, "import", name, place, "--out", out, "--taxonomy", taxonomy]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == code, ended.stdout + ended.stderr
    table = pl.read_csv(out / "recordings.csv", infer_schema_length=None)
    other = pd.read_csv(out / "recordings.csv")
    assert list(other.columns) == table.columns and other["asset_id"].to_list() == table["asset_id"].to_list()
    # Every file is where the table says.
    assert all((out / path).is_file() for path in table["path"])
    subprocess.run([program, "build", out / "manifest.toml", "--out", out / "data"], check=True, capture_output=True)
    return table


def test_a_scan_says_of_a_card_what_the_recorders_wrote(program: str, tmp_path: Path) -> None:
    subprocess.run([program, "demo", tmp_path / "demo", "--layout", "audiomoth"], check=True)
    out = tmp_path / "field"
    scanned = subprocess.run([program, "scan", tmp_path / "demo/card", "--out", out, "--site", "{site}"])
    assert scanned.returncode == 1, "a stub is left out"
    table = pl.read_csv(out / "recordings.csv", infer_schema_length=None)
    assert table.height == 241 and pd.read_csv(out / "recordings.csv")["asset_id"].is_unique
    # The parser knows offsets of whole hours only.
    whole = table.filter(pl.col("recorded_at").str.contains(r"(Z|:00)$"))
    assert 100 < whole.height < table.height
    for row in whole.iter_rows(named=True):
        of_file = parse_audiomoth_metadata_from_path(out / row["path"])
        assert datetime.fromisoformat(row["recorded_at"]) == of_file["recording_start_time"]
        assert f"AudioMoth {row['recorder']}" == of_file["device_id"]
        assert row["sample_rate_hz"] == of_file["samplerate"]
        assert row["duration_s"] == pytest.approx(of_file["frames"] / of_file["samplerate"], abs=5e-4)


def test_birdclef_as_pandas_writes_it(program: str, taxonomy: Path, tmp_path: Path) -> None:
    place = tmp_path / "birdclef"
    train = pd.DataFrame(
        {
            "primary_label": ["grekis", "mallar3", "amekes"],
            "secondary_labels": [str(["amekes"]), str([""]), str([])],
            "type": [str(["song"]), str([""]), str([])],
            "filename": ["grekis/XC1.ogg", "mallar3/XC2.ogg", "amekes/XC3.ogg"],
            "collection": ["XC"] * 3,
            "rating": [4.5, 0.0, 3.0],
            "url": [f"https://xeno-canto.org/{number}" for number in (1, 2, 3)],
            "latitude": [-3.5, np.nan, 7.25],
            "longitude": [-60.25, np.nan, -73.9],
            "scientific_name": ["Pitangus sulphuratus", "Anas platyrhynchos", "Falco sparverius"],
            "common_name": ["Great Kiskadee", "Mallard", "American Kestrel"],
            "author": ['Ana "the ear", B', "Bo", "Cy"],
            "license": ["cc-by-nc-sa 4.0", "cc-by 4.0", "cc0 1.0"],
        }
    )
    for number, name in enumerate(train["filename"]):
        sound(place / "train_audio" / name, number)
    train.to_csv(place / "train.csv", index=False)
    table = imported(program, "birdclef", place, taxonomy)
    rows = {row["target_species"]: row for row in table.iter_rows(named=True)}
    assert {target: set(row["heard"].split(";")) for target, row in rows.items()} == {
        "grekis": {"grekis", "amekes"},
        "mallar3": {"mallar3"},
        "amekes": {"amekes"},
    }
    assert (rows["grekis"]["latitude"], rows["mallar3"]["latitude"]) == (-3.5, None)
    assert rows["grekis"]["source_url"] == "https://xeno-canto.org/1"
    assert rows["grekis"]["license"] == "CC-BY-NC-SA-4.0"


def xeno_canto(version: int) -> list[dict[str, Any]]:
    group, longitude = ("group", "lng") if version == 2 else ("grp", "lon")
    return [
        {
            "id": str(number), "gen": name.split()[0], "sp": name.split()[1], "ssp": "", group: "birds", "en": english,
            "rec": "Ana", "cnt": "Brazil", "loc": "Wood, north", "lat": "-3.5", longitude: "-60.25", "type": "song",
            "url": f"//xeno-canto.org/{number}", "file": f"https://xeno-canto.org/{number}/download",
            "file-name": f"XC{number}.mp3", "lic": "//creativecommons.org/licenses/by-nc-sa/4.0/", "q": "A",
            "length": "0:01", "time": "05:30", "date": "2021-05-03", "also": also,
        }
        for number, name, english, also in (
            (101, "Pitangus sulphuratus", "Great Kiskadee", ["Falco sparverius"]),
            (102, "Anas platyrhynchos", "Mallard", [""]),
            (103, "Falco sparverius", "American Kestrel", [""]),
        )
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["json-2", "json-3", "pandas", "polars"])
def test_xeno_canto_in_every_form(program: str, taxonomy: Path, tmp_path: Path, form: str) -> None:
    place = tmp_path / "xc"
    for number in (101, 102, 103):
        # What is called MP3 there is often WAV.
        sound(place / f"audio/XC{number}.mp3", number)
    rows = xeno_canto(2 if form == "json-2" else 3)
    if form.startswith("json"):
        page = {"numRecordings": "3", "numSpecies": "3", "page": 1, "numPages": 1, "recordings": rows}
        (place / "page1.json").write_text(json.dumps(page))
    elif form == "pandas":
        pd.DataFrame(rows).to_csv(place / "xc.csv", index=False)
    else:
        texts = [row | {"also": str(row["also"])} for row in rows]
        pl.DataFrame(texts).write_csv(place / "xc.csv")
    table = imported(program, "xeno-canto", place, taxonomy)
    by_target = {row["target_species"]: row for row in table.iter_rows(named=True)}
    assert set(by_target) == {"grekis", "mallar3", "amekes"}
    assert set(by_target["grekis"]["heard"].split(";")) == {"grekis", "amekes"} and by_target["mallar3"]["heard"] == "mallar3"
    assert {datetime.fromisoformat(time) for time in table["local_time"]} == {datetime(2021, 5, 3, 5, 30)}
    assert set(table["longitude"]) == {-60.25}


def test_inatsounds_with_the_numbers_that_python_writes(program: str, taxonomy: Path, tmp_path: Path) -> None:
    place = tmp_path / "inat"
    for split, number in (("train", 1), ("val", 2), ("test", 3)):
        name = f"{split}/00001_Aves/{number}.wav"
        sound(place / name, number)
        audio = {"id": number, "duration": 1.0, "file_name": name, "license": 1, "rights_holder": "ana"}
        audio |= {"date": "2019-05-12", "latitude": float("nan"), "longitude": float("nan")}
        category = {"id": 1, "name": "Pitangus sulphuratus", "common_name": "Great Kiskadee", "supercategory": "Aves"}
        listing = {
            "audio": [audio],
            "categories": [category | {"audio_dir_name": "00001_Aves"}],
            "annotations": [{"id": 1, "audio_id": number, "category_id": 1}],
            "licenses": [{"id": 1, "name": "x", "url": "http://creativecommons.org/licenses/by-nc/4.0/"}],
        }
        text = json.dumps(listing)
        assert "NaN" in text
        (place / f"{split}.json").write_text(text)
    table = imported(program, "inatsounds", place, taxonomy)
    assert sorted(table["split"]) == ["test", "train", "val"]
    assert set(table["target_species"]) == {"grekis"} and table["latitude"].null_count() == 3


def test_priors_of_tables_that_pandas_and_polars_write(program: str, taxonomy: Path, tmp_path: Path) -> None:
    recordings = tmp_path / "recordings.csv"
    when = "2021-05-03T05:30:00-04:00"
    place = {"latitude": [-3.5, -3.5], "longitude": [-60.25, -60.5], "recorded_at": [when, when]}
    pl.DataFrame({"asset_id": [1, 2], "checklist_id": ["S1", None], **place}).write_csv(recordings)
    (tmp_path / "taxa.csv").write_text("species_code\ngrekis\nmallar3\namekes\n")
    seen = pd.DataFrame(
        {
            "TAXON CONCEPT ID": ["avibase-1", "avibase-3", "avibase-2"],
            "COMMON NAME": ["Great Kiskadee", "American Kestrel", "Mallard"],
            "SCIENTIFIC NAME": ["Pitangus sulphuratus", "Falco sparverius", "Anas platyrhynchos"],
            "SAMPLING EVENT IDENTIFIER": ["S1", "S1", "S2"],
            "ALL SPECIES REPORTED": [1, 1, 1],
            "GROUP IDENTIFIER": [np.nan] * 3,
            "LATITUDE": [-3.5] * 3,
            "LONGITUDE": [-60.25, -60.25, -60.49],
            "OBSERVATION DATE": ["2021-05-03"] * 3,
        }
    )
    seen.to_csv(tmp_path / "ebd.txt.gz", sep="\t", index=False)
    out = tmp_path / "out"
    ebd = ["--observations", tmp_path / "ebd.txt.gz", "--taxonomy", taxonomy]
    where = ["--recordings", recordings, "--out", out]
    subprocess.run([program, "priors", "ebd", *ebd, *where], check=True)
    named = {"checklist_id": "S1", "observed_species": "grekis;amekes", "all_species_reported": 1}
    lists = pd.read_csv(out / "checklist_prior.csv").drop(columns="unsure_species")
    assert lists.to_dict("records") == [named]
    # The other recording is near another list of its day.
    subprocess.run([program, "priors", "ebd", *ebd, *where, "--within-km", "2", "--overwrite"], check=True)
    near = {"asset_id": 2, "checklist_id": "S2", "observed_species": "mallar3", "all_species_reported": 1}
    lists = pd.read_csv(out / "checklist_prior.csv").drop(columns="unsure_species")
    assert lists.to_dict("records") == [{"asset_id": 1, **named}, near]

    scores = pl.DataFrame({"lat": [-3.4] * 2, "lon": [-60.2] * 2, "week": [17, 17], "code": ["grekis", "mallar3"], "score": [0.9, 0.01]})
    scores.write_parquet(tmp_path / "scores.parquet")
    (tmp_path / "modelled.txt").write_text("grekis\nmallar3\n")
    model = ["--threshold", "0.03", "--modelled", tmp_path / "modelled.txt"]
    subprocess.run([program, "priors", "scores", tmp_path / "scores.parquet", *model, *where, "--overwrite"], check=True)
    geo = pl.read_csv(out / "geo_prior.csv").to_dicts()
    modelled = {"possible_species": "grekis", "modelled_species": "grekis;mallar3"}
    assert geo == [{"asset_id": 1, **modelled}, {"asset_id": 2, **modelled}]
