"""Tables of detections as others read and write them: crowsetta, BirdNET-Analyzer, pandas, polars, and back to a build."""

import ast
import importlib
import importlib.util
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import l48
import pandas as pd
import polars as pl
import pytest
from crowsetta.formats.bbox import AudBBox, Raven

RECORDINGS = 4
RAVEN = ".Table.1.selections.txt"
BIRDNET = ".BirdNET.selection.table.txt"


@pytest.fixture(scope="module")
def sounds(demo: Path) -> list[Path]:
    folder = demo.parent / "recordings"
    return [folder / asset["path"] for asset in l48.open(demo).assets().to_pylist()[:RECORDINGS]]


@pytest.fixture(scope="module")
def detections(trainer: str, demo: Path, sounds: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("detections")
    settings = ["--arch", "tiny", "--epochs", "1", "--lr", "3e-3", "--no-test", "--device", "cpu"]
    subprocess.run([trainer, "fit", demo, "--out", place / "run", *settings], check=True)
    forms = ["--raven", "--birdnet", "--audacity", "--embeddings", "--min-score", "0.05", "--top-k", "3"]
    subprocess.run([trainer, "detect", place / "run", *sounds, "--out", place / "out", *forms, "--device", "cpu"], check=True)
    return place / "out"


@pytest.fixture(scope="module")
def rows(detections: Path) -> pd.DataFrame:
    table = pd.read_csv(detections / "detections.csv")
    assert table["path"].nunique() == RECORDINGS and len(table) > 2 * RECORDINGS
    return table


@pytest.fixture
def build(program: str, demo: Path, sounds: list[Path], tmp_path: Path) -> Callable[[str], list[dict[str, Any]]]:
    """Builds the recordings with boxes from `[tables.boxes]`, and returns the labels of the clips."""
    table = pl.read_csv(demo.parent / "recordings/recordings.csv").select("asset_id", "path", "split").head(RECORDINGS)
    absolute = {str(sound.relative_to(demo.parent / "recordings")): str(sound) for sound in sounds}
    table.with_columns(pl.col("path").replace_strict(absolute)).write_csv(tmp_path / "recordings.csv")

    def built(boxes: str) -> list[dict[str, Any]]:
        manifest, out = tmp_path / "manifest.toml", tmp_path / "data"
        tables = f'recordings = "recordings.csv"\ntaxa = "{demo.parent}/recordings/taxa.csv"\n\n[tables.boxes]\n{boxes}\n'
        manifest.write_text(f'[dataset]\nname = "peers"\n\n[tables]\n{tables}')
        subprocess.run([program, "build", manifest, "--out", out, "--overwrite"], check=True)
        return [dict(row) for row in l48.open(out).labels().to_pylist()]

    return built


def of(rows: pd.DataFrame, sound: Path) -> list[tuple[float, float, str]]:
    own = rows[rows["path"] == str(sound)]
    return list(own[["start_s", "end_s", "species_code"]].itertuples(index=False, name=None))


def test_crowsetta_reads_and_writes_what_a_build_reads(
    detections: Path, rows: pd.DataFrame, sounds: list[Path], build: Callable[[str], list[dict[str, Any]]], tmp_path: Path
) -> None:
    again = tmp_path / "again"
    again.mkdir()
    for sound in sounds:
        expected = of(rows, sound)
        raven = Raven.from_file(detections / "raven" / f"{sound.stem}{RAVEN}", annot_col="Species Code")
        track = AudBBox.from_file(detections / "audacity" / f"{sound.stem}.txt")
        for boxes in (raven.to_bbox(), track.to_bbox()):
            assert [(box.onset, box.offset, box.label) for box in boxes] == expected
            assert all(0 < box.low_freq < box.high_freq for box in boxes)
        raven.to_file(again / f"{sound.stem}{RAVEN}")
        track.to_file(again / f"{sound.stem}.txt")
    labels = [
        build(f'format = "raven"\nlabel_column = "Species Code"\nfiles = "{folder}/{{stem}}{RAVEN}"')
        for folder in (detections / "raven", again)
    ]
    labels += [build(f'format = "audacity"\nfiles = "{folder}/{{stem}}.txt"') for folder in (detections / "audacity", again)]
    assert sum(len(row["present"]) for row in labels[0]) == len(rows), "windows are clips, so each detection is a label"
    assert all(other == labels[0] for other in labels)


def test_birdnet_analyzer_reads_its_own_columns(
    detections: Path, rows: pd.DataFrame, sounds: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its reader of tables is in a module that opens sound too, and asks for a large package that only that needs.
    monkeypatch.setitem(sys.modules, "librosa", types.ModuleType("librosa"))
    reader = importlib.import_module("birdnet_analyzer.segments.utils")
    # At 0 it takes the header for a detection, too.
    monkeypatch.setattr(reader.cfg, "MIN_CONFIDENCE", 1e-6)
    found = reader.parse_folders(str(sounds[0].parent), str(detections / "birdnet"), ("txt",))
    assert {Path(pair["audio"]) for pair in found} == set(sounds)
    assert all(Path(pair["result"]).name == f"{Path(pair['audio']).stem}{BIRDNET}" for pair in found)
    for pair in found:
        own = rows[rows["path"] == pair["audio"]]
        segments = reader.find_segments(pair["audio"], pair["result"])
        read = [(segment["start"], segment["end"], segment["species"]) for segment in segments]
        assert read == list(own[["start_s", "end_s", "common_name"]].itertuples(index=False, name=None))
        assert [segment["confidence"] for segment in segments] == pytest.approx(list(own["probability"]), abs=5e-5)

    # And the header is the one that it writes.
    package = importlib.util.find_spec("birdnet_analyzer")
    assert package and package.submodule_search_locations
    source = ast.parse((Path(package.submodule_search_locations[0]) / "analyze/utils.py").read_text())
    header = next(
        ast.literal_eval(node.value)
        for node in source.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RAVEN_TABLE_HEADER"
    )
    for form, name in (("birdnet", BIRDNET), ("raven", RAVEN)):
        assert (detections / form / f"{sounds[0].stem}{name}").read_text().startswith(header)


def test_a_header_without_rows_is_an_empty_table(trainer: str, detections: Path, sounds: list[Path], tmp_path: Path) -> None:
    command = [trainer, "detect", detections.parent / "run", sounds[0], "--out", tmp_path / "out", "--min-score", "1"]
    subprocess.run([*command, "--raven", "--birdnet", "--device", "cpu"], check=True)
    for form, name in (("birdnet", BIRDNET), ("raven", RAVEN)):
        table = pd.read_csv(tmp_path / "out" / form / f"{sounds[0].stem}{name}", sep="\t")
        assert table.empty and list(table.columns)[:2] == ["Selection", "View"]
    assert pl.read_parquet(tmp_path / "out/detections.parquet").is_empty()
    assert pl.read_csv(tmp_path / "out/detections.csv").is_empty()


def test_pandas_and_polars_read_the_same(detections: Path, rows: pd.DataFrame, sounds: list[Path]) -> None:
    text, table = pl.read_csv(detections / "detections.csv"), pl.read_parquet(detections / "detections.parquet")
    assert text.columns == table.columns == list(rows.columns)
    for column in ("path", "start_s", "end_s", "species_code", "common_name", "scientific_name"):
        assert text[column].to_list() == table[column].to_list() == rows[column].to_list()
    for column in ("logit", "probability"):
        assert text[column].to_list() == pytest.approx(table[column].to_list(), abs=1e-5)
    listed = pl.read_csv(detections / "recordings.csv")
    assert listed["path"].to_list() == [str(sound) for sound in sounds]
    assert pl.read_csv(detections / "rejects.csv").is_empty()
    for sound, windows in zip(sounds, listed["windows"].to_list(), strict=True):
        embeddings = pl.read_parquet(detections / "embeddings" / f"{sound.stem}.parquet")
        assert embeddings.height == windows and set(embeddings["path"]) == {str(sound)}
        assert set(embeddings["embedding"].list.len()) == {896}
