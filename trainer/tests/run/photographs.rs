//! Photographs: three channels as they are, mirrored half of the time and only they, and no regulariser within a single
//! picture.

use std::path::Path;

use crate::dataset::{Made, write};
use crate::program::{fit, metrics, run};

fn photographs(dir: &Path) {
    write(
        dir,
        Made {
            photographs: true,
            assets: 40,
            ..Made::default()
        },
    );
}

/// What the run's own configuration says of mirroring.
fn flip(run: &Path) -> f64 {
    let text = std::fs::read_to_string(run.join("config.toml")).unwrap();
    let config: toml::Table = text.parse().unwrap();
    config["augment"]["horizontal_flip"].as_float().unwrap()
}

#[test]
fn they_are_mirrored_unless_told_otherwise_and_spectrograms_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    photographs(&at("photographs"));
    write(&at("recordings"), Made::default());
    run(&mut fit(&at("photographs"), &at("mirrored"), &[]), 0);
    run(&mut fit(&at("recordings"), &at("heard"), &[]), 0);
    assert_eq!((flip(&at("mirrored")), flip(&at("heard"))), (0.5, 0.0));

    let never = at("never.toml");
    std::fs::write(&never, "[augment]\nhorizontal_flip = 0.0\n").unwrap();
    let never = ["--config", never.to_str().unwrap()];
    run(&mut fit(&at("photographs"), &at("unmirrored"), &never), 0);
    assert_eq!(flip(&at("unmirrored")), 0.0);
    assert_ne!(
        metrics(&at("mirrored")),
        metrics(&at("unmirrored")),
        "nothing was mirrored"
    );

    // A run goes on with what it began with, said or not.
    let before = metrics(&at("mirrored"));
    run(&mut fit(&at("photographs"), &at("mirrored"), &["--resume"]), 0);
    assert_eq!(before, metrics(&at("mirrored")));
    let (_, said) = run(fit(&at("photographs"), &at("mirrored"), &never).arg("--resume"), 2);
    assert!(said.contains("augment.horizontal_flip: 0.5 -> 0.0"), "{said}");
}

#[test]
fn a_residual_network_takes_their_three_channels() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, out) = (folder.path().join("dataset"), folder.path().join("run"));
    photographs(&dataset);
    let settings = ["--arch", "resnet18", "--epochs", "1", "--batch", "12"];
    run(&mut fit(&dataset, &out, &settings), 0);
}

#[test]
fn the_regulariser_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, out) = (folder.path().join("dataset"), folder.path().join("run"));
    photographs(&dataset);
    let (_, said) = run(&mut fit(&dataset, &out, &["--asset-reg", "0.1"]), 2);
    for word in ["asset_reg", "24 training clips", "without the regulariser"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(!out.exists());
}
