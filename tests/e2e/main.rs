//! End-to-end tests: the built `l48` on real files, and its datasets read from other languages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

// What the tests work with.
mod card; // a card of recordings whose truth is known, scanned, measured against and corrected in the tables of Raven
mod coco2014_set; // writes a small set in the layout of COCO 2014
mod dataset_rows; // a dataset's tables read whole, with species codes in place of class indices
mod file_tree; // the files of a folder: listed, compared, copied
mod ml48s_set; // writes a small set in the official L48 layout
mod outside; // what may be missing where the tests run: real recordings, fixtures, Python, Node
mod picture_file; // reads the PNGs that the program writes, and writes JPEGs
mod program; // builds the programs once and runs them: exit code, standard output, standard error
mod recordings; // writes small recordings, tables and manifests into a temporary folder
mod table_rows; // reads tables that the programs write: CSV, Parquet
mod tunes; // writes recordings that can be learnt in seconds, whose truth is known

// The tests.
mod annotation_formats; // boxes.csv, Raven and Audacity say the same; so do CSV and Parquet tables, in any line ending
mod benchmark_layouts; // the synthetic benchmark in each layout, through to a table of methods
mod calibrate; // `l48-train calibrate`: its files, the probabilities it gives `detect`, and what it refuses
mod cluster_recipes; // the recipes for many machines: processes, SLURM by a stand-in, Kubernetes by its schema
mod command_line; // help, usage errors, what goes to which stream, closed pipes
mod demo; // `l48 demo`: what it promises, and that a seed decides every byte
mod detect; // `l48-train detect`: the scores of `predict` at the same windows, its tables, kills
mod determinism; // the same bytes for any number of threads and processes, at any place, at any time
mod exchanged; // sound files of another dataset, build or shard in the place of its own
mod export; // what `l48 export` hands on: loaded by pycocotools and mlcroissant
mod faults; // full disks, read-only and forbidden folders, files that vanish
mod heard; // species heard somewhere in a recording: stored, weak labels by rule, training and evaluation on them alone
mod implied_labels; // more than 1,000 classes: what a set with four says, in Rust, Python, SQL and R
mod import_coco2014; // `l48 import coco2014`: order, split, labels and priors, what is rejected and what refused
mod import_ml48s; // the published set: pictures, labels and boxes against the fixtures; kills
mod import_ml48s_mistakes; // what it says of sets with mistakes, rejects and refuses
mod import_recordings; // `l48 import` of tables of recordings and `l48 priors`, through to the labels of a build
mod import_to_trainer; // an imported set's files, through to the labels and masks that the trainer sees
mod instruction_sets; // emulated processors: equal bytes wherever the names are equal; a plan holds one
#[cfg(target_os = "linux")]
mod killed_writers; // what a writer that is killed, or late, leaves beside a dataset that is committed
mod labels; // labels computed end to end, against tables worked out by hand
mod log_mel; // stored images against those of a reference implementation
mod manifest_mistakes; // every mistake reported at once, with its place; warnings of leakage
mod output_folder; // flags and states of the output folder: refuse, resume, overwrite, commit, locks
mod powdermill; // `manifests/powdermill.toml` on a made set: tables as documented, splits by day, single positives drawn
mod raven_files; // annotation files as people have them: over several recordings, before the start, without rows, misspelt
mod readers; // datasets read by Python, Node and the stock safetensors library
mod real_recordings; // field recordings in every supported format, and those that must be refused
mod rejects; // recordings that are refused early or late, and what becomes of the others
mod report; // `l48 report`: the page against the tables; which runs and scores are refused
mod resume; // builds killed at any moment, and sources that change in between
mod rework; // one dataset made of another: subset, and relabel without recordings
mod scan; // `l48 scan`: folders as recorders leave them, into tables that build
mod several_machines; // parts of a plan, exit codes, waiting, status, the death of a parent
mod shipped_manifests; // every manifests/*.toml builds; birds.toml shows every key with its default
mod slurm; // the recipe for SLURM on a real one, if it is installed
mod stats; // `l48 stats`: its tables against the labels
mod suggest; // `l48-train suggest`: which clips, and tables for Raven that become labels once they are filled in
mod table_forms; // tables as programs write them: encodings, separators, gzip, words for no value, Parquet codecs
mod tallies; // whatever is left out or odd is counted, and where the count is found
mod torture; // the program killed at every write boundary and at random moments
mod torture_rework; // the same of relabel, merge, reshard and subset
mod training; // `l48-train` on the demo dataset: what it learns, and that permuted labels teach it nothing
mod two_writers; // two writers of one shard without working locks; what writers that died leave
mod verify; // damage that `l48 verify` has to find and name
mod whole_way; // from a card to detections, corrected, and back to training: with boxes, and with what was heard alone
