//! Tests `l48 scan`: folders as recorders leave them become tables and a manifest that build, and stay the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::outside::{python, real_data};
use crate::program::{l48, workspace};
use crate::recordings::{Workplace, noise};

/// Rows of a table by column name.
fn rows(table: &Path) -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(table).unwrap();
    let mut lines = text
        .lines()
        .map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let header = lines.next().unwrap();
    // No cell here holds a comma or a line end.
    lines.map(|cells| header.iter().cloned().zip(cells).collect()).collect()
}

/// A chunk of RIFF, padded.
fn chunk(id: &str, body: &[u8]) -> Vec<u8> {
    let mut chunk = [id.as_bytes(), &(body.len() as u32).to_le_bytes(), body].concat();
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

/// A recording at 8 kHz with chunks before its samples and bytes behind them.
fn wav(before: &[u8], samples: &[i16], behind: &[u8]) -> Vec<u8> {
    let format = b"\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0";
    let samples: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let body = [
        b"WAVE",
        &chunk("fmt ", format)[..],
        before,
        &chunk("data", &samples),
        behind,
    ]
    .concat();
    [b"RIFF", &(body.len() as u32).to_le_bytes()[..], &body].concat()
}

fn samples(seed: u64) -> Vec<i16> {
    noise(8000, 3.0, seed)
        .into_iter()
        .map(|sample| (sample * 20_000.0) as i16)
        .collect()
}

fn info(comment: &str) -> Vec<u8> {
    let artist = "AudioMoth 24F319046035D3B1";
    chunk(
        "LIST",
        &[
            b"INFO",
            &chunk("ICMT", comment.as_bytes())[..],
            &chunk("IART", artist.as_bytes()),
        ]
        .concat(),
    )
}

/// Blocks of samples with a marker of silence that was left out among them, aligned as an AudioMoth does.
fn triggered(with_marker: bool) -> Vec<u8> {
    let comment = info(
        "Recorded at 04:30:00 01/05/2024 (UTC) by AudioMoth 24F319046035D3B1 at medium gain while battery was \
                        4.1V. Amplitude threshold was 1% with 1s minimum trigger duration.",
    );
    let mut bytes = wav(&comment, &samples(77), b"");
    if with_marker {
        let block: Vec<i16> = (0..256)
            .map(|n| {
                if n >= 32 {
                    0
                } else if n == 6 {
                    1
                } else {
                    -1
                }
            })
            .collect();
        let block: Vec<u8> = block.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        bytes.splice(10_240..10_752, block);
    }
    bytes
}

#[test]
fn the_demos_card_becomes_a_dataset() {
    let place = Workplace::new();
    let (demo, out) = (place.path("demo"), place.path("scanned"));
    l48!("demo", &demo, "--layout", "audiomoth")
        .expect(0)
        .prints("Next: l48 scan");
    let card = demo.join("card");
    let scanned = l48!("scan", &card, "--out", &out, "--site", "{site}").expect(1);
    for part in [
        "241 recordings",
        "; 1 left out",
        "time: 241 of 241 (241 from comment)",
        "8 sites: brook (",
        "8 recorders: 24F31904603C0D00 (",
        "annotation files: ",
        "classes: 14, from the labels",
        "The same bytes more than once",
    ] {
        assert!(scanned.stdout.contains(part), "{part}: {}", scanned.stdout);
    }
    let table = rows(&out.join("recordings.csv"));
    let mut splits: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in &table {
        splits.entry(&row["site"]).or_default().insert(&row["split"]);
    }
    assert!(
        splits.len() == 8 && splits.values().all(|splits| splits.len() == 1),
        "{splits:?}"
    );
    assert_eq!(splits.values().flatten().collect::<BTreeSet<_>>().len(), 3);

    // Again, from another place and after files were added: the same ids.
    std::fs::rename(&demo, place.path("moved")).unwrap();
    std::fs::write(
        place.path("moved/card/brook/20200101_000000.WAV"),
        wav(b"", &samples(5), b""),
    )
    .unwrap();
    let again = place.path("again");
    l48!("scan", place.path("moved/card"), "--out", &again, "--site", "{site}").expect(1);
    let ids = |table: &[BTreeMap<String, String>]| -> BTreeMap<String, String> {
        let below = |path: &str| path.split_once("card/").unwrap().1.to_owned();
        table
            .iter()
            .map(|row| (below(&row["path"]), row["asset_id"].clone()))
            .collect()
    };
    let (before, mut after) = (ids(&table), ids(&rows(&again.join("recordings.csv"))));
    assert!(after.remove("brook/20200101_000000.WAV").is_some());
    assert_eq!(before, after);

    std::fs::remove_file(place.path("moved/card/brook/20200101_000000.WAV")).unwrap();
    std::fs::rename(place.path("moved"), &demo).unwrap();
    let dataset = place.path("dataset");
    l48!("build", out.join("manifest.toml"), "--out", &dataset)
        .expect(0)
        .prints("of 241 recordings");
    let stats = l48!("stats", &dataset, "--json").expect(0).json();
    let positives = stats["splits"][3]["positives"]["total"].as_u64().unwrap();
    assert!(positives > 300, "{positives}");
}

#[test]
fn every_kind_of_file_is_taken_told_or_counted() {
    let place = Workplace::new();
    let guano = |text: &str| chunk("guan", format!("GUANO|Version: 1.0\n{text}").as_bytes());
    let field = |name: &str, bytes: &[u8]| place.write_bytes(&format!("field/{name}"), bytes);
    field(
        "a/20240501_043000.WAV",
        &wav(
            &info(
                "Recorded at 04:30:00 01/05/2024 (UTC+2) by AudioMoth 24F319046035D3B1 at \
        medium gain",
            ),
            &samples(1),
            b"",
        ),
    );
    // The last chunk is of odd length, without padding.
    let last = guano("Timestamp: 2024-05-02 04:30:00-04:00\nLoc Position: 40.5 -79.25\nSerial: SM7\n\0");
    let last = last.get(..last.len() - usize::from(last.last() == Some(&0))).unwrap();
    field("a/SM7_20240502_043000.wav", &wav(b"", &samples(2), last));
    let wamd = [
        &[2, 0, 3, 0, 0, 0][..],
        b"SN9",
        &[5, 0, 19, 0, 0, 0],
        b"2024-05-03 04:30:00",
        &[255, 255, 2, 0, 0, 0, 9, 9],
        &[6, 0, 14, 0, 0, 0],
        b",1.5,S,30.25,E",
    ]
    .concat();
    field(
        "b/SN9_20240503_043000.wav",
        &wav(&chunk("wamd", &wamd), &samples(3), b""),
    );
    field("b/20240504_043000_+0930.wav", &wav(b"", &samples(4), b""));
    field(
        "b/wrong_20240505_043000.wav",
        &wav(&guano("Timestamp: 2024-05-05T07:00:00Z"), &samples(5), b""),
    );
    field("b/copy.wav", &wav(b"", &samples(4), b""));
    field("b/expanded.wav", &wav(&guano("TE: 10"), &samples(6), b""));
    field("c/20240506_043000T.WAV", &triggered(true));
    field("c/20240507_043000T.WAV", &triggered(false));
    field("c/stub.wav", &wav(b"", &[], b""));
    field("c/zeros.wav", &[0; 4096]);
    field("c/silence.wav", &wav(b"", &[0; 8000], b""));
    let mut open = wav(b"", &samples(7), b"");
    open.splice(40..44, [0; 4]);
    field("c/open.wav", &open);
    field(
        "c/w4v.wav",
        &wav(&guano("WA|Song Meter|Compression: W4V-6"), &samples(8), b""),
    );
    field("c/page.mp3", b"<html><body>Not found</body></html>");
    field("c/named.mp3", &wav(b"", &samples(9), b""));
    field("c/._20240507_043000T.WAV", b"\0\x05\x16\x07");
    field("c/notes.txt", b"rain since noon\n");
    std::os::unix::fs::symlink(place.path("field/a"), place.path("field/again")).unwrap();

    let out = place.path("out");
    let scanned = l48!("scan", place.path("field"), "--out", &out, "--split-by", "recording").expect(1);
    scanned
        .prints("9 recordings")
        .prints("time: 5 of 9 (2 from comment, 2 from guano, 1 from name)")
        .prints("To look at");
    let report = place.read("out/scan.txt");
    for part in [
        "c/20240506_043000T.WAV: silence was left out of it at byte 10240",
        "c/stub.wav: holds no audio frames",
        "c/zeros.wav: not a recording, but only zeros",
        "c/silence.wav: its sound is only zeros",
        "c/open.wav: WAV header is invalid: its data chunk does not declare its length",
        "c/w4v.wav: W4V-6 (a compression of Wildlife Acoustics",
        "c/page.mp3: not a recording, but a web page",
        "c/named.mp3: named for MP3, but it is WAV",
        "c/._20240507_043000T.WAV: what macOS keeps beside a file",
        "field/again: a symbolic link",
        "b/20240504_043000_+0930.wav: the same bytes as field/b/copy.wav",
        "b/expanded.wav: 10 times slower",
        "b/wrong_20240505_043000.wav: its guano says 2024-05-05T07:00:00+00:00, its name says 2024-05-05T04:30:00; taken: guano",
        "1 with a local time whose zone is not known",
    ] {
        assert!(report.contains(part), "{part}:\n{report}");
    }
    let table = rows(&out.join("recordings.csv"));
    let row = |end: &str| table.iter().find(|row| row["path"].ends_with(end)).unwrap();
    for (end, column, value) in [
        ("a/20240501_043000.WAV", "recorded_at", "2024-05-01T04:30:00+02:00"),
        ("a/20240501_043000.WAV", "recorder", "24F319046035D3B1"),
        ("SM7_20240502_043000.wav", "recorded_at", "2024-05-02T04:30:00-04:00"),
        ("SM7_20240502_043000.wav", "latitude", "40.5"),
        ("SN9_20240503_043000.wav", "recorded_at", ""),
        ("SN9_20240503_043000.wav", "local_time", "2024-05-03T04:30:00"),
        ("SN9_20240503_043000.wav", "latitude", "-1.5"),
        ("SN9_20240503_043000.wav", "recorder", "SN9"),
        ("_+0930.wav", "recorded_at", "2024-05-04T04:30:00+09:30"),
        ("20240507_043000T.WAV", "duration_s", "3"),
    ] {
        assert_eq!(row(end)[column], value, "{end} {column}");
    }
    assert_eq!(row("_+0930.wav")["split"], row("b/copy.wav")["split"]);

    // With a zone, continuing the table; what a build says of the recording that lacks its silence.
    let more = place.path("more");
    l48!(
        "scan",
        place.path("field"),
        "--out",
        &more,
        "--ids",
        out.join("recordings.csv"),
        "--time-zone",
        "-03:00",
        "--split-by",
        "recording"
    )
    .expect(1);
    let with_zone = rows(&more.join("recordings.csv"));
    let of = |table: &[BTreeMap<String, String>], column: &str| -> Vec<String> {
        table.iter().map(|row| row[column].clone()).collect()
    };
    assert_eq!(
        (of(&table, "asset_id"), of(&table, "split")),
        (of(&with_zone, "asset_id"), of(&with_zone, "split"))
    );
    let sn9 = with_zone.iter().find(|row| row["path"].contains("SN9")).unwrap();
    assert_eq!(sn9["recorded_at"], "2024-05-03T04:30:00-03:00");
    place.write(
        "one.csv",
        "asset_id,path,split\n1,field/c/20240506_043000T.WAV,train\n2,field/c/20240507_043000T.WAV,val\n",
    );
    place.write("taxa.csv", "species_code\nwren\n");
    place.write(
        "one.toml",
        "[dataset]\nname = \"one\"\n[tables]\nrecordings = \"one.csv\"\ntaxa = \"taxa.csv\"\n",
    );
    l48!("build", place.path("one.toml"), "--out", place.path("one"))
        .expect(1)
        .complains("silence was left out")
        .prints("1 recording was rejected");
}

#[test]
fn folders_are_labels_only_when_asked() {
    let place = Workplace::new();
    for (number, folder) in ["Great Tit", "Great Tit,Wren", "-Wren", "noise"].iter().enumerate() {
        place.write_bytes(&format!("set/{folder}/x.wav"), &wav(b"", &samples(number as u64), b""));
    }
    let scan = |out: &str, labels: &str| {
        l48!(
            "scan",
            place.path("set"),
            "--out",
            place.path(out),
            "--labels",
            labels,
            "--split-by",
            "recording"
        )
        .expect(0)
    };
    scan("plain", "none").prints("classes: none");
    assert!(!place.read("plain/recordings.csv").contains("heard"));
    scan("labelled", "folders").prints("labels from folders, of whole recordings: 2 of 4");
    let table = place.read("labelled/recordings.csv");
    for part in ["heard\n", ",great-tit\n", ",great-tit;Wren\n"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    assert!(place.read("labelled/taxa.csv").contains("great-tit,Great Tit,\n"));
    assert!(
        place
            .read("labelled/scan.txt")
            .contains("says that Wren is not heard in 1 recordings")
    );
}

#[test]
fn what_is_there_is_kept_and_mistakes_are_named() {
    let place = Workplace::new();
    place.write_bytes("card/a.wav", &wav(b"", &samples(1), b""));
    let (card, out) = (place.path("card"), place.path("out"));
    l48!("scan", &card, "--out", &out)
        .expect(0)
        .prints("1 without a known day are all in train");
    let kept = place.read("out/taxa.csv");
    place.write("out/taxa.csv", "species_code\nmine\n");
    l48!("scan", &card, "--out", &out)
        .expect(2)
        .complains("recordings.csv exists already");
    assert!(place.read("out/taxa.csv").contains("mine"));
    l48!("scan", &card, "--out", &out, "--overwrite").expect(0);
    assert_eq!(place.read("out/taxa.csv"), kept);
    let other = place.path("other");
    l48!("scan", place.path("none"), "--out", &other)
        .expect(2)
        .complains("none");
    place.write_bytes("bad/a.wav", b"no sound");
    l48!("scan", place.path("bad"), "--out", &other)
        .expect(2)
        .complains("bad/a.wav: ");
    l48!("scan", &card, &card, "--out", &other)
        .expect(2)
        .complains("have the same name");
    l48!("scan", &card, "--out", &other, "--split-by", "site")
        .expect(2)
        .complains("needs --site");
    l48!("scan", &card, "--out", &other, "--time-zone", "Middle/Earth")
        .expect(2)
        .complains("+02:00");
    l48!("scan", &card, "--out", &other, "--site", "*")
        .expect(2)
        .complains("{site}");
    place.write("old.csv", "asset_id,path\n1,a.wav\n1,b.wav\n");
    l48!("scan", &card, "--out", &other, "--ids", place.path("old.csv"))
        .expect(2)
        .complains("old.csv:3");
    assert!(!other.exists());
}

/// Recordings that people made, beside their annotations.
#[test]
fn real_recordings_are_scanned_whatever_they_are() {
    let Some(data) = real_data() else { return };
    let place = Workplace::new();
    let out = place.path("out");
    l48!("scan", data.join("audio"), "--out", &out, "--time-zone", "Z").expect(1);
    let table = place.read("out/recordings.csv");
    assert!(
        table.contains("2020-04-04T10:25:00+00:00"),
        "the AudioMoth's comment: {table}"
    );
    assert!(place.read("out/scan.txt").contains("empty_2c.wav: "));
}

/// GUANO as its own library writes it.
#[test]
fn guano_of_its_own_library_is_read() {
    let place = Workplace::new();
    place.write_bytes("card/a.wav", &wav(b"", &samples(1), b""));
    let Some(mut command) = python(&workspace().join("tests/python/guano_file.py")) else {
        return;
    };
    let ended = command.arg(place.path("card/a.wav")).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    l48!("scan", place.path("card"), "--out", place.path("out")).expect(0);
    let row = rows(&place.path("out/recordings.csv")).remove(0);
    assert_eq!(row["recorded_at"], "2024-05-01T04:30:00.25+02:00");
    assert_eq!(
        (row["latitude"].as_str(), row["longitude"].as_str()),
        ("46.2519", "-1.5")
    );
    assert_eq!(
        (row["recorder"].as_str(), row["time_from"].as_str()),
        ("SM4-0815", "guano")
    );
}
