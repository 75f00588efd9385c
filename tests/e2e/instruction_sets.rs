//! Tests that what decides the bytes is in the instruction set's name: the program on emulated processors without some
//! features (QEMU's user mode), its datasets compared wherever the names are equal; and that a plan holds it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::file_tree::{Tree, assert_same, tree};
use crate::outside::skip;
use crate::program::{Ended, command, l48, run};
use crate::recordings::{Workplace, noise};

/// QEMU's processor models, and the name that each is to have: at least two of every name.
const MODELS: [(&str, &str); 7] = [
    ("Haswell", "x86_64-avx2+fma"),
    ("EPYC", "x86_64-avx2+fma"),
    ("Opteron_G5", "x86_64-sse2/avx+fma"),
    ("Nehalem", "x86_64-sse2/sse4.1"),
    ("Penryn", "x86_64-sse2/sse4.1"),
    ("Opteron_G1", "x86_64-sse2/scalar"),
    ("qemu64", "x86_64-sse2/scalar"),
];

/// Recordings of four rates, so that all but one is resampled.
fn place() -> Workplace {
    let place = Workplace::with_recordings("[shards]\nclips = 4\n", &[(1, 4.0)]);
    let mut table = place.read("recordings.csv");
    for (id, rate_hz) in [(2, 32_000), (3, 44_100), (4, 48_000)] {
        place.wav(&format!("audio/{id}.wav"), rate_hz, 1, &noise(rate_hz, 4.0, id));
        table += &format!("{id},audio/{id}.wav,woothr,train\n");
    }
    place.write("recordings.csv", &table);
    place
}

/// Says whether processors can be emulated here.
fn can_emulate() -> bool {
    let found = Command::new("qemu-x86_64")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let can = found && cfg!(target_arch = "x86_64");
    if !can {
        skip("needs an x86-64 machine with qemu-x86_64 (Debian: qemu-user)");
    }
    can
}

/// The program on a processor model of QEMU's.
fn on(model: &str, arguments: &[&str], manifest: &PathBuf, out: &PathBuf) -> Ended {
    let mut emulator = Command::new("qemu-x86_64");
    emulator.args(["-cpu", model]).arg(command().get_program());
    emulator.env_remove("RUST_LOG").stdin(Stdio::null());
    run(emulator
        .arg(arguments[0])
        .arg(manifest)
        .arg("--out")
        .arg(out)
        .args(&arguments[1..]))
}

fn name_of(dataset: &std::path::Path) -> String {
    shardfmt::Dataset::open(dataset)
        .unwrap()
        .info()
        .head
        .instruction_set
        .clone()
}

#[test]
fn datasets_are_equal_wherever_the_names_are() {
    if !can_emulate() {
        return;
    }
    let place = place();
    let manifest = place.manifest();
    let here = place.path("here");
    l48!["build", &manifest, "--out", &here].expect(0);
    let mut by_name: BTreeMap<String, Tree> = BTreeMap::from([(name_of(&here), tree(&here))]);
    for (model, name) in MODELS {
        let out = place.path(model);
        on(model, &["build", "--threads", "2"], &manifest, &out).expect(0);
        assert_eq!(name_of(&out), name, "{model}");
        let built = tree(&out);
        let first = by_name.entry(name.into()).or_insert_with(|| built.clone());
        assert_same(first, &built, &format!("{name}, also on {model}"));
    }
    // Names that said less would have been wrong: the resampled clips do differ.
    let shards = |name: &str| by_name[name]["shards/00001.safetensors"];
    assert_ne!(shards("x86_64-avx2+fma"), shards("x86_64-sse2/sse4.1"));
    assert_ne!(shards("x86_64-sse2/sse4.1"), shards("x86_64-sse2/scalar"));
}

#[test]
fn a_worker_that_rounds_otherwise_is_refused_before_it_decodes() {
    if !can_emulate() {
        return;
    }
    let place = place();
    let (manifest, out) = (place.manifest(), place.path("out"));
    on("Nehalem", &["build"], &manifest, &place.path("whole")).expect(0);
    // Planned here for others.
    l48![
        "plan",
        &manifest,
        "--out",
        &out,
        "--instruction-set",
        "x86_64-sse2/sse4.1"
    ]
    .expect(0)
    .prints("x86_64-sse2/sse4.1");
    for arguments in [
        &["build", "--part", "0/2"][..],
        &["build", "--shards", "0..1"],
        &["build", "--resume"],
    ] {
        let refused = on("qemu64", arguments, &manifest, &out).expect(2);
        refused
            .complains("is planned for x86_64-sse2/sse4.1")
            .complains("this machine has x86_64-sse2/scalar")
            .complains("Penryn to Ivy Bridge");
        assert!(!out.join("shards").exists(), "nothing was built");
    }
    on("Nehalem", &["build", "--part", "0/2"], &manifest, &out).expect(0);
    on("Penryn", &["build", "--part", "1/2"], &manifest, &out).expect(0);
    // The commit renders nothing, so any machine will do.
    l48!["commit", &out].expect(0);
    assert_same(&tree(&place.path("whole")), &tree(&out), "by one, and by two others");
}

#[test]
fn a_plan_asks_for_a_known_instruction_set() {
    let place = place();
    let (manifest, out) = (place.manifest(), place.path("out"));
    l48!["plan", &manifest, "--out", &out, "--instruction-set", "avx2"]
        .expect(2)
        .complains("x86_64-avx2+fma")
        .complains("this machine has");
    assert!(!out.exists());
    let foreign = if cfg!(target_arch = "aarch64") {
        "x86_64-avx2+fma"
    } else {
        "aarch64-neon"
    };
    l48!["plan", &manifest, "--out", &out, "--instruction-set", foreign].expect(0);
    l48!["build", &manifest, "--out", &out, "--part", "0/1"]
        .expect(2)
        .complains(&format!("is planned for {foreign}"));
    l48!["plan", &manifest, "--out", &out, "--resume"]
        .expect(0)
        .prints("Already planned");
    // Replaced as a whole, it is this machine's.
    l48!["build", &manifest, "--out", &out, "--overwrite"].expect(0);
    assert_ne!(name_of(&out), foreign);
}
