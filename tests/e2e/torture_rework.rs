//! Tests that relabel, merge, reshard and subset, killed by SIGKILL at every write boundary and at random moments,
//! leave the old dataset, the new one, or nothing, that a rerun gives the same bytes, and that the datasets read stay
//! as they are.
//!
//! `L48_TORTURE=N` kills N runs at random moments (`make torture`); without it there are a few.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::file_tree::{Tree, assert_same, copy, dataset_tree, names, tree};
use crate::program::{fail_point_command, l48, run};
use crate::recordings::Workplace;
use crate::torture::{Delays, kill_at, killed_after, points, random_kills, reset};

/// Small images, so that a run takes milliseconds and the writes between are what is tested.
const SMALL: &str =
    "[spectrogram]\nn_fft = 512\nwin_length = 512\nhop_length = 2205\nn_mels = 8\nframes = 16\nfmax_hz = 8000.0\n";

/// One command, and what it makes.
struct Case {
    place: Workplace,
    arguments: Vec<String>,
    /// What stands under the name before: a copy of this dataset, or nothing.
    before: Option<&'static str>,
    /// A point that only this kind of command reaches.
    reached: &'static str,
    /// Whether folders are exchanged by several renames.
    without_exchange: bool,
}

impl Case {
    /// Datasets `a` and `b` of different recordings, and a command in their folder.
    fn new(arguments: &[&str], before: Option<&'static str>, reached: &'static str) -> Self {
        let place = Workplace::with_recordings(
            &format!("{SMALL}[shards]\nclips = 3\n"),
            &[(1, 7.0), (2, 2.0), (3, 8.0), (4, 5.0), (5, 3.5)],
        );
        let table = place.read("recordings.csv");
        let lines: Vec<&str> = table.lines().collect();
        for (name, rows) in [("a", &lines[1..4]), ("b", &lines[4..])] {
            place.write("recordings.csv", &format!("{}\n{}\n", lines[0], rows.join("\n")));
            l48!["build", place.manifest(), "--out", place.path(name)].expect(0);
        }
        // What relabel is given: the recordings of `a`, one of them in another split.
        let rows = lines[1..4].join("\n").replacen(",train", ",val", 1);
        place.write("recordings.csv", &format!("{}\n{rows}\n", lines[0]));
        Case {
            place,
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
            before,
            reached,
            without_exchange: false,
        }
    }

    /// The command, on one thread so that its points come in one order.
    fn command(&self) -> Command {
        let mut command = fail_point_command();
        command
            .current_dir(self.place.folder())
            .env("RAYON_NUM_THREADS", "1")
            .args(&self.arguments)
            .envs(self.without_exchange.then_some(("L48_NO_EXCHANGE", "1")));
        command
    }

    fn out(&self) -> std::path::PathBuf {
        self.place.path("out")
    }

    /// Puts things as they were before the command.
    fn prepare(&self) {
        reset(&self.out());
        reset(&self.place.path(".out.rework"));
        reset(&self.place.path(".out.aside"));
        if let Some(dataset) = self.before {
            copy(&self.place.path(dataset), &self.out());
        }
    }

    fn old(&self) -> Tree {
        self.before
            .map(|dataset| tree(&self.place.path(dataset)))
            .unwrap_or_default()
    }

    /// Asserts that the old or the new dataset is there, and that another run gives the new one and leaves nothing
    /// beside.
    fn check(&self, new: &Tree, when: &str) {
        // Where one step is several, the old dataset is under another name for a moment.
        let is_aside = self.without_exchange && !self.out().exists();
        let left = if is_aside {
            dataset_tree(&self.place.path(".out.aside"))
        } else {
            dataset_tree(&self.out())
        };
        assert!(
            left == self.old() || left == *new && !is_aside,
            "{when}: neither the old nor the new dataset"
        );
        // A new dataset is in nobody's way but its own: a command that makes one refuses to make it twice.
        if self.before.is_some() || left != *new {
            run(&mut self.command()).expect(0);
            assert_same(new, &tree(&self.out()), &format!("{when}, then run again"));
        }
        l48!["verify", self.out()].expect(0);
        let hidden = |name: &String| name.starts_with('.');
        let beside: Vec<String> = names(self.place.folder()).into_iter().filter(hidden).collect();
        assert!(beside.is_empty(), "{when}: {beside:?} left beside");
    }

    /// Kills the command at each of its points, then at random moments.
    #[allow(clippy::print_stdout, reason = "what was done is printed")]
    fn torture(&self, random: u64) {
        let sources = ["a", "b"].map(|name| tree(&self.place.path(name)));
        self.prepare();
        let all = points(&self.place, self.command(), 0);
        assert!(all.iter().any(|name| name == self.reached), "{all:?}");
        let new = tree(&self.out());
        for (number, name) in (1..).zip(&all) {
            self.prepare();
            kill_at(self.command(), number);
            self.check(
                &new,
                &format!("{:?} killed at {name:?} (point {number})", self.arguments),
            );
        }
        self.prepare();
        let started = Instant::now();
        run(&mut self.command()).expect(0);
        let limit = started.elapsed() + Duration::from_millis(2);
        let (mut delays, mut killed, mut rounds) = (Delays::new(), 0, 0);
        while killed < random {
            rounds += 1;
            assert!(
                rounds < 50 * random,
                "only {killed} of {rounds} runs could be killed before they ended"
            );
            self.prepare();
            let delay = delays.below(limit);
            if killed_after(self.command(), delay) {
                killed += 1;
                self.check(&new, &format!("{:?} killed after {delay:?}", self.arguments));
            }
        }
        for (name, before) in ["a", "b"].iter().zip(&sources) {
            assert_same(
                before,
                &tree(&self.place.path(name)),
                &format!("{name}, which was only read"),
            );
        }
        println!(
            "{:?}: killed at {} points and {killed} random moments",
            self.arguments,
            all.len()
        );
    }
}

#[test]
fn a_relabelled_dataset_is_the_old_or_the_new_one() {
    let arguments = ["relabel", "out", "manifest.toml"];
    Case::new(&arguments, Some("a"), "folders exchanged").torture(random_kills() / 4);
}

#[test]
fn a_relabelling_that_exchanges_folders_by_renames_is_brought_to_its_end() {
    let arguments = ["relabel", "out", "manifest.toml"];
    let mut case = Case::new(&arguments, Some("a"), "new folder moved into place");
    case.without_exchange = true;
    case.torture(0);
}

#[test]
fn a_merged_dataset_is_whole_or_not_there() {
    let arguments = ["merge", "a", "b", "--out", "out"];
    Case::new(&arguments, None, "shard linked").torture(random_kills() / 4);
}

#[test]
fn a_resharded_dataset_is_whole_or_not_there() {
    let arguments = ["reshard", "a", "--clips", "4", "--out", "out"];
    Case::new(&arguments, None, "shard row written").torture(random_kills() / 4);
}

#[test]
fn a_subset_is_whole_or_not_there() {
    let arguments = ["subset", "a", "--clips", "chosen.csv", "--out", "out"];
    let case = Case::new(&arguments, None, "folder renamed");
    case.place
        .write("chosen.csv", "asset_id,clip_index\n3,2\n1,0\n3,0\n1,2\n");
    case.torture(random_kills() / 4);
}

/// Whatever an interrupted run left under the hidden name, whole datasets included, is in nobody's way.
#[test]
fn leftovers_of_another_command_are_removed() {
    let case = Case::new(&["merge", "a", "b", "--out", "out"], None, "leftover removed");
    case.prepare();
    run(&mut case.command()).expect(0);
    let new = tree(&case.out());
    let leave = |_: &Path| copy(&case.place.path("b"), &case.place.path(".out.rework"));
    case.prepare();
    leave(&case.out());
    let all = points(&case.place, case.command(), 0);
    for (number, name) in (1..).zip(&all).filter(|(_, name)| *name == case.reached) {
        case.prepare();
        leave(&case.out());
        kill_at(case.command(), number);
        case.check(&new, &format!("killed at {name:?} (point {number})"));
    }
}
