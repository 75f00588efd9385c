//! Tests the command line: help, usage errors, which stream gets what, and readers that stop listening.

use std::process::Stdio;

use crate::program::{Ended, command, ended, l48, run, workspace};
use crate::recordings::Workplace;

const COMMANDS: [&str; 19] = [
    "scan", "build", "import", "priors", "plan", "commit", "status", "relabel", "merge", "reshard", "subset", "copy",
    "verify", "inspect", "stats", "preview", "report", "export", "demo",
];

#[test]
fn help_lists_every_command_and_its_examples() {
    let help = l48!("--help").expect(0);
    assert!(
        help.stderr.is_empty()
            && help
                .stdout
                .contains("Exit codes: 0 success; 1 a dataset or a part was built"),
        "{help:?}"
    );
    let listed: Vec<&str> = help
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .take_while(|line| !line.starts_with("Options:"))
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|&word| !word.is_empty() && word != "help")
        .collect();
    assert_eq!(listed, COMMANDS);
    for name in COMMANDS {
        let help = l48!(name, "--help").expect(0);
        assert!(
            help.stdout.contains("Example") && help.stdout.contains(&format!("l48 {name} ")),
            "{}",
            help.stdout
        );
    }
    l48!("--version").expect(0).prints("l48 0.");
}

#[test]
fn mistakes_of_usage_end_in_2_and_print_no_results() {
    let cases: &[&[&str]] = &[
        &[],
        &["bild"],
        &["build"],
        &["build", "m.toml"],
        &["build", "m.toml", "--out", "o", "--threads", "0"],
        &["build", "m.toml", "--out", "o", "--shards", "5..2"],
        &["build", "m.toml", "--out", "o", "--shards", "3"],
        &["build", "m.toml", "--out", "o", "--resume", "--overwrite"],
        &["build", "m.toml", "--out", "o", "--shards", "0..1", "--overwrite"],
        &["build", "m.toml", "--out", "o", "--part", "2/2"],
        &["build", "m.toml", "--out", "o", "--max-rejects", "-1"],
        &["verify", "a", "b"],
        &["subset", "a", "--out", "o"],
        &["subset", "a", "--where", "TRUE", "--out", "o"],
        &["preview", "a", "--asset", "x", "--out", "p.png"],
        &["demo", "d", "--seed", "salt"],
        &["demo", "d", "--size", "benchmark", "--clips", "10"],
        &["demo", "d", "--size", "benchmark", "--clips", "100-10"],
        &["demo", "d", "--size", "benchmark", "--target-free", "1.5"],
        &["export"],
        &["export", "coco-detection", "d"],
        &["export", "coco-detection", "d", "--out", "o", "--split", "dev"],
        &["export", "croissant", "d", "--published", "in May"],
    ];
    for arguments in cases {
        let ended = run(command().args(*arguments)).expect(2);
        assert!(ended.stdout.is_empty(), "{ended:?}");
        assert!(
            ended.stderr.contains("Usage") || ended.stderr.contains("error:"),
            "{ended:?}"
        );
    }
}

#[test]
fn what_is_not_there_ends_in_2_with_its_name() {
    let place = Workplace::new();
    let missing = place.path("nothing here");
    for name in ["verify", "inspect", "stats", "commit"] {
        assert_failed(&l48!(name, &missing));
    }
    assert_failed(&l48!("build", &missing, "--out", place.path("out")));
    assert_failed(&l48!("plan", &missing, "--out", place.path("out")));
    assert_failed(&l48!("export", "croissant", &missing));
    assert_failed(&l48!(
        "export",
        "coco-detection",
        &missing,
        "--out",
        place.path("b.json")
    ));
    assert_failed(&l48!("preview", &missing, "--asset", "1", "--out", place.path("p.png")));
    assert!(!place.path("out").exists());
}

fn assert_failed(ended: &Ended) {
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stdout.is_empty() && ended.stderr.contains("nothing here"),
        "{ended:?}"
    );
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
}

#[test]
fn results_and_logs_go_to_their_own_streams() {
    let place = Workplace::with_recordings("", &[(1, 6.0), (2, 3.0)]);
    place.write_bytes("audio/2.wav", b"RIFF, but no more than that");
    let out = place.path("out");
    let built = l48!("build", place.manifest(), "--out", &out).expect(1);
    assert!(built.stdout.starts_with("Committed "), "{built:?}");
    assert!(
        !built.stdout.contains("WARN") && built.stderr.contains("WARN"),
        "{built:?}"
    );
    // No terminal: no progress bar, no colours.
    for text in [&built.stdout, &built.stderr] {
        assert!(!text.contains(['\r', '\u{1b}']), "{text:?}");
    }
    let quiet = run(command()
        .env("RUST_LOG", "off")
        .args(["build", "--overwrite"])
        .arg(place.manifest())
        .arg("--out")
        .arg(&out));
    assert!(
        quiet.code == Some(1) && quiet.stderr.is_empty() && quiet.stdout.starts_with("Committed "),
        "{quiet:?}"
    );
    for arguments in [["stats", "--json"], ["inspect", "--json"]] {
        let ended = run(command().args(arguments).arg(&out)).expect(0);
        assert!(ended.json().is_object() && ended.stderr.is_empty(), "{ended:?}");
    }
    let refused = l48!("build", place.manifest(), "--out", &out).expect(2);
    assert!(
        refused.stdout.is_empty() && refused.stderr.lines().count() == 1,
        "{refused:?}"
    );
}

#[test]
fn a_log_level_that_cannot_be_understood_is_reported() {
    let place = Workplace::with_recordings("", &[(1, 3.0)]);
    let out = place.path("out");
    let build = |level: &str| {
        let mut command = command();
        command.env("RUST_LOG", level).arg("build").arg(place.manifest());
        run(command.arg("--out").arg(&out).arg("--resume")).expect(0)
    };
    build("verbose=loud").complains("RUST_LOG=\"verbose=loud\" is ignored: ");
    assert_eq!(build("warn").stderr, "");
}

#[test]
fn a_reader_that_stops_listening_is_no_panic() {
    let place = Workplace::with_recordings("", &[(1, 6.0)]);
    let out = place.path("out");
    l48!("build", place.manifest(), "--out", &out).expect(0);
    let picture = place.path("p.png");
    let texts = |words: &[&std::ffi::OsStr]| words.iter().map(std::ffi::OsString::from).collect::<Vec<_>>();
    let (out, picture) = (out.as_os_str(), picture.as_os_str());
    let word = std::ffi::OsStr::new;
    let cases = [
        texts(&[word("stats"), out]),
        texts(&[word("stats"), out, word("--json")]),
        texts(&[word("inspect"), out]),
        texts(&[word("inspect"), out, word("--json")]),
        texts(&[word("verify"), out]),
        texts(&[word("preview"), out, word("--asset"), word("1"), word("--out"), picture]),
        texts(&[
            word("build"),
            place.manifest().as_os_str(),
            word("--out"),
            out,
            word("--overwrite"),
        ]),
        texts(&[word("build"), word("--help")]),
    ];
    for arguments in cases {
        let mut command = command();
        command.args(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let ended = ended(&command, child.wait_with_output().unwrap());
        assert!(
            !ended.stderr.contains("panicked") && ended.code != Some(101),
            "{ended:?}"
        );
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

/// A full disk under standard output loses results: that is a failure, said once.
#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written_are_a_failure() {
    let place = Workplace::with_recordings("", &[(1, 6.0)]);
    let out = place.path("out");
    l48!("build", place.manifest(), "--out", &out).expect(0);
    for arguments in [
        ["stats", "--json"],
        ["inspect", "--json"],
        ["stats", "."],
        ["inspect", "."],
        ["verify", "."],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = command();
        let arguments = arguments.iter().filter(|word| **word != ".");
        command.args(arguments).arg(&out).stdout(full).stderr(Stdio::piped());
        let output = command.spawn().unwrap().wait_with_output().unwrap();
        let ended = ended(&command, output).expect(2);
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    }
}

#[test]
fn an_error_names_its_file_and_its_cause_once() {
    let place = Workplace::with_recordings("", &[(1, 3.0)]);
    let out = place.path("out");
    l48!("build", place.manifest(), "--out", &out).expect(0);
    let picture = place.path("no/such/folder/p.png");
    let no_folder = l48!("preview", &out, "--asset", "1", "--out", &picture).expect(2);
    let no_folder = no_folder.complains(picture.to_str().unwrap());
    assert_eq!(no_folder.stderr.matches("(os error").count(), 1, "{no_folder:?}");
    place.write("a file", "");
    let no_dataset = l48!("build", place.manifest(), "--out", place.path("a file"))
        .expect(2)
        .complains("a file");
    assert_eq!(no_dataset.stderr.matches("(os error").count(), 1, "{no_dataset:?}");
    for name in ["verify", "stats", "commit"] {
        let ended = l48!(name, place.path("a file")).expect(2).complains("a file");
        assert!(ended.stderr.matches("(os error").count() <= 1, "{ended:?}");
    }
}

#[test]
fn the_makefile_builds_what_it_is_told_to() {
    let make = |arguments: &[&str]| {
        let mut command = std::process::Command::new("make");
        command.current_dir(workspace()).arg("-n").args(arguments);
        let output = command
            .output()
            .expect("make is there, since cargo's crates need a C compiler");
        ended(&command, output).expect(0).stdout
    };
    let own = make(&["shards", "MANIFEST=my.toml", "OUT=elsewhere"]);
    assert!(own.contains("l48 build my.toml --out elsewhere --resume"), "{own}");
    assert!(!own.contains("l48 demo"), "own recordings need no demo: {own}");
    let demo = make(&["shards"]);
    let (made, built) = (
        demo.find("l48 demo data/demo-recordings"),
        demo.find("l48 build data/demo-recordings/manifest.toml"),
    );
    assert!(made.is_some() && made < built, "the demo is made, then built: {demo}");
}

/// The program that is tested here has no clients of stores.
#[test]
fn an_address_says_which_program_reads_it() {
    let place = Workplace::new();
    for refused in [
        l48!("stats", "s3://lab/birds"),
        l48!("verify", "https://me:word@example.org/birds"),
        l48!(
            "preview",
            "gs://lab/birds",
            "--asset",
            "1",
            "--out",
            place.path("p.png")
        ),
        l48!("copy", "az://lab/birds", place.path("birds")),
    ] {
        let refused = refused
            .expect(2)
            .complains("birds: this program reads files of this machine only");
        assert!(!refused.stderr.contains("word"), "{refused:?}");
    }
    let far = Workplace::with_recordings("", &[(1, 3.0)]);
    let table = "asset_id,path,split\n1,https://me:word@example.org/1.wav,train\n";
    std::fs::write(far.path("recordings.csv"), table).expect("the table can be written");
    let refused = l48!("build", far.path("manifest.toml"), "--out", far.path("out")).expect(2);
    refused.complains("https://example.org/1.wav: this program reads files of this machine only");
}

#[test]
fn a_dataset_is_copied_from_folder_to_folder() {
    let place = Workplace::with_recordings("", &[(1, 3.0), (2, 4.0)]);
    let (out, copy) = (place.path("out"), place.path("copy"));
    l48!("build", place.path("manifest.toml"), "--out", &out).expect(0);
    l48!("copy", &out, &copy).expect(0).prints("verified.");
    l48!("copy", &out, &copy).expect(0).prints("of the files were there");
    l48!("verify", &copy).expect(0);
    l48!("copy", place.path("none"), &copy)
        .expect(2)
        .complains("no dataset here");
}
