"""Windows of recordings as a run sees them: the clips of its dataset, and the detections of `l48-train`."""

import csv
import subprocess
import sys
from pathlib import Path

import l48
import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[1] / "examples/detect.py"


@pytest.fixture(scope="session")
def run(trainer: str, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    settings = ["--arch", "tiny", "--epochs", "2", "--lr", "3e-3", "--no-test", "--device", "cpu"]
    subprocess.run([trainer, "fit", demo, "--out", out, *settings], check=True)
    return out


def recordings(demo: Path) -> list[tuple[int, Path]]:
    assets = l48.open(demo).assets().to_pylist()
    return [(asset["asset_id"], demo.parent / "recordings" / asset["path"]) for asset in assets[:3]]


def test_windows_are_the_clips_of_the_dataset(demo: Path, run: Path) -> None:
    birds = l48.open(demo)
    labels = {(row["asset_id"], row["clip_index"]): row for row in birds.labels().to_pylist()}
    for asset_id, path in recordings(demo):
        windows = list(l48.clips(path, run=run))
        clips = [birds[number] for number in birds.clips_of(asset_id)]
        assert len(windows) == len(clips) > 0
        for window, clip in zip(windows, clips, strict=True):
            assert np.array_equal(window.image, clip.image)
            row = labels[asset_id, clip.clip_index]
            assert window.start_s == row["start_s"]
            assert window.end_s == pytest.approx(row["start_s"] + row["valid_s"], abs=1e-4)


def test_windows_may_overlap(demo: Path, run: Path) -> None:
    path = recordings(demo)[0][1]
    apart, dense = list(l48.clips(path, run)), list(l48.clips(path, run, hop_s=1.5))
    assert [window.start_s for window in dense[:3]] == [0, 1.5, 3]
    assert np.array_equal(dense[2].image, apart[1].image) and not np.array_equal(dense[1].image, apart[1].image)
    with pytest.raises(l48.DatasetError, match="shorter than one sample"):
        l48.clips(path, run, hop_s=1e-9)


def test_what_is_no_recording_and_no_run_is_named(demo: Path, run: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.wav").write_bytes(b"RIFF, but no more than that")
    with pytest.raises(l48.RecordingError, match="cut.wav: ") as refused:
        l48.clips(tmp_path / "cut.wav", run)
    assert refused.value.path == tmp_path / "cut.wav" and refused.value.stage == "open"
    with pytest.raises(l48.DatasetError, match="there is no run in this folder"):
        l48.clips(recordings(demo)[0][1], tmp_path)


def test_the_example_finds_what_the_trainer_finds(trainer: str, demo: Path, run: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    paths = [str(path) for _, path in recordings(demo)]
    command = [trainer, "detect", run, *paths, "--out", tmp_path / "out", "--min-score", "0.01", "--device", "cpu"]
    subprocess.run(command, check=True)
    command = [sys.executable, str(EXAMPLE), str(run), *paths, "--min-score", "0.01"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    with (tmp_path / "out/detections.csv").open() as file:
        expected = {(row["path"], float(row["start_s"]), row["species_code"]): row for row in csv.DictReader(file)}
    found = {(row["path"], float(row["start_s"]), row["species_code"]): row for row in csv.DictReader(printed.splitlines())}
    differing = found.keys() ^ expected.keys()
    close = [float((found | expected)[key]["probability"]) for key in differing]
    assert close == pytest.approx([0.01] * len(close), abs=1e-4) and len(expected) > 10
    for key in found.keys() & expected.keys():
        assert float(found[key]["probability"]) == pytest.approx(float(expected[key]["probability"]), abs=1e-4)


def test_the_example_goes_on_after_a_bad_recording(demo: Path, run: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "cut.wav").write_bytes(b"RIFF, but no more than that")
    good = str(recordings(demo)[0][1])
    command = [sys.executable, str(EXAMPLE), str(run), str(tmp_path / "cut.wav"), good, "--min-score", "0"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 1 and "cut.wav" in ended.stderr and good in ended.stdout
