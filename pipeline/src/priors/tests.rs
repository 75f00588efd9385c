//! Tests of priors: files in eBird's layouts, and tables of scores.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::*;
use crate::taxonomy::Taxonomy;

/// Columns of the basic dataset; a tab at the end of each line makes one more without a name.
const EBD: &str = "GLOBAL UNIQUE IDENTIFIER\tTAXON CONCEPT ID\tCATEGORY\tCOMMON NAME\tSCIENTIFIC NAME\tOBSERVATION COUNT\t\
                   SAMPLING EVENT IDENTIFIER\tALL SPECIES REPORTED\tGROUP IDENTIFIER\tTRIP COMMENTS\t";
const SAMPLING: &str =
    "LAST EDITED DATE\tSAMPLING EVENT IDENTIFIER\tPROTOCOL NAME\tALL SPECIES REPORTED\tGROUP IDENTIFIER\t";

const TAXONOMY: &str = "TAXON_ORDER,CATEGORY,SPECIES_CODE,TAXON_CONCEPT_ID,PRIMARY_COM_NAME,SCI_NAME,ORDER,FAMILY,SPECIES_GROUP,\
    REPORT_AS\n\
    1,species,aldfly,a-1,Alder Flycatcher,Empidonax alnorum,Passeriformes,Tyrannidae (Flycatchers),,\n\
    2,species,wilfly,a-2,Willow Flycatcher,Empidonax traillii,Passeriformes,Tyrannidae (Flycatchers),,\n\
    3,slash,y00327,a-3,Alder/Willow Flycatcher,Empidonax alnorum/traillii,Passeriformes,Tyrannidae (Flycatchers),,\n\
    4,species,mallar3,a-4,Mallard,Anas platyrhynchos,Anseriformes,Anatidae (Ducks),,\n\
    5,species,ambduc,a-5,American Black Duck,Anas rubripes,Anseriformes,Anatidae (Ducks),,\n\
    6,hybrid,x00004,a-6,Mallard x American Black Duck (hybrid),Anas platyrhynchos x rubripes,Anseriformes,Anatidae (Ducks),,\n\
    7,spuh,empfly,a-7,Empidonax sp.,Empidonax sp.,Passeriformes,Tyrannidae (Flycatchers),,\n\
    8,spuh,bird1,a-8,bird sp.,Aves sp.,,,,\n\
    9,domestic,mallar2,a-9,Mallard (Domestic type),Anas platyrhynchos (Domestic type),Anseriformes,Anatidae (Ducks),,mallar3\n\
    10,species,woothr,a-10,Wood Thrush,Hylocichla mustelina,Passeriformes,Turdidae (Thrushes),,\n\
    11,species,rocpig,a-11,Rock Pigeon,Columba livia,Columbiformes,Columbidae (Pigeons),,\n";

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        place.write("ebird_taxonomy_v2024.csv", TAXONOMY);
        place.write(
            "taxa.csv",
            "species_code\naldfly\nwilfly\nmallar3\nambduc\nwoothr\noddbrd\n",
        );
        place
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn checklists(&self, observations: &str, sampling: Option<&str>) -> Result<Prior> {
        self.near_checklists(observations, sampling, None)
    }

    fn near_checklists(&self, observations: &str, sampling: Option<&str>, within_km: Option<f64>) -> Result<Prior> {
        let file = |name: &str| self.0.path().join(name);
        let taxonomy = Taxonomy::read(&[file("ebird_taxonomy_v2024.csv")]).unwrap();
        let files = EbdFiles {
            observations: file(observations),
            sampling: sampling.map(file),
            recordings: vec![file("recordings.csv")],
            taxa: None,
            within_km,
        };
        checklists(&files, &taxonomy)
    }

    fn geographic(&self, threshold: f64) -> Result<Prior> {
        let file = |name: &str| self.0.path().join(name);
        geographic(&ScoreOptions {
            scores: file("scores.csv"),
            threshold,
            modelled: file("modelled.txt"),
            recordings: vec![file("recordings.csv")],
            taxa: None,
            within_km: 50.0,
        })
    }
}

/// Rows of a table by their first cell.
fn rows(prior: &Prior) -> BTreeMap<String, Vec<String>> {
    let mut reader = csv::Reader::from_reader(prior.bytes.as_slice());
    let rows = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>());
    rows.map(|row| (row[0].clone(), row[1..].to_vec())).collect()
}

fn counts(prior: &Prior, key: &str) -> Vec<(String, u64)> {
    let counts = prior.tallies.clone().into_counts();
    let of = |(name, count): (&String, &u64)| {
        let (reason, detail) = name.split_once(':').unwrap_or((name, ""));
        (reason == key).then(|| (detail.to_owned(), *count))
    };
    counts.iter().filter_map(of).collect()
}

/// An observation: concept, common and scientific name, list, group, complete.
fn seen(concept: &str, common: &str, scientific: &str, list: &str, group: &str, complete: u8) -> String {
    // A quote in a comment is a quote.
    format!("URN:1\t{concept}\tspecies\t{common}\t{scientific}\tX\t{list}\t{complete}\t{group}\tsaid \"hi\t\n")
}

fn ebd(observations: &[String]) -> String {
    format!("{EBD}\n{}", observations.concat())
}

fn sampling(lists: &[(&str, &str, u8)]) -> String {
    let row = |(id, group, complete): &(&str, &str, u8)| format!("2024\t{id}\tTraveling\t{complete}\t{group}\t\n");
    format!("{SAMPLING}\n{}", lists.iter().map(row).collect::<String>())
}

#[test]
fn lists_are_joined_by_group_and_entries_of_several_species_rule_none_of_them_out() {
    let place = Place::new();
    place.write(
        "recordings.csv",
        "asset_id,checklist_id\n1,S1\n2,S2\n3,S3\n4,S4\n5,G9\n6,S99\n7,\n8,S5\n9,S6\n",
    );
    let lists = [
        ("S1", "", 1),
        ("S2", "G9", 1),
        ("S3", "", 0),
        ("S4", "", 1),
        ("S8", "G9", 1),
        ("S5", "G7", 1),
        ("S6", "", 1),
    ];
    // The other list of the group stands before the one that is named.
    place.write("sampling.txt", sampling(&[&[("S7", "G7", 0)], &lists[..]].concat()));
    place.write(
        "ebd.txt",
        ebd(&[
            seen("a-10", "Wood Thrush", "Hylocichla mustelina", "S1", "", 1),
            seen(
                "a-3",
                "Alder/Willow Flycatcher",
                "Empidonax alnorum/traillii",
                "S1",
                "",
                1,
            ),
            seen("a-1", "Alder Flycatcher", "Empidonax alnorum", "S1", "", 1),
            seen("a-4", "Mallard", "Anas platyrhynchos", "S2", "G9", 1),
            seen("a-10", "Wood Thrush", "Hylocichla mustelina", "S8", "G9", 1),
            seen(
                "",
                "Mallard x American Black Duck (hybrid)",
                "Anas platyrhynchos x rubripes",
                "S8",
                "G9",
                1,
            ),
            seen("a-10", "Wood Thrush", "Hylocichla mustelina", "S3", "", 0),
            seen("a-8", "bird sp.", "Aves sp.", "S4", "", 1),
            seen(
                "a-9",
                "Mallard (Domestic type)",
                "Anas platyrhynchos (Domestic type)",
                "S6",
                "",
                1,
            ),
            seen("a-11", "Rock Pigeon", "Columba livia", "S6", "", 1),
            // Lists of nobody here.
            seen("a-2", "Willow Flycatcher", "Empidonax traillii", "S50", "", 1),
            seen("a-5", "American Black Duck", "Anas rubripes", "S50", "", 1),
        ]),
    );
    let prior = place.checklists("ebd.txt", Some("sampling.txt")).unwrap();
    let rows = rows(&prior);
    let row = |id: &str| rows[id].iter().map(String::as_str).collect::<Vec<_>>();
    // oddbrd is in no observation, so no list rules it out.
    assert_eq!(row("S1"), ["aldfly;woothr", "wilfly;oddbrd", "1"]);
    assert_eq!(row("S2"), ["mallar3;woothr", "ambduc;oddbrd", "1"]);
    assert_eq!(row("G9"), row("S2"));
    assert_eq!(row("S3"), ["woothr", "", "0"]);
    assert_eq!(row("S4"), ["", "", "0"], "a bird that may be any");
    assert_eq!(row("S5"), ["", "", "0"], "one of its observers does not report all");
    assert_eq!(row("S6"), ["mallar3", "oddbrd", "1"]);
    assert_eq!(rows.len(), 7);
    assert_eq!(counts(&prior, "checklists_not_found"), [("S99".to_owned(), 1)]);
    assert_eq!(counts(&prior, "classes_never_observed"), [("oddbrd".to_owned(), 1)]);
    assert_eq!(counts(&prior, "checklists_shared"), [(String::new(), 1)]);
    assert_eq!(counts(&prior, "checklists_partly_complete"), [(String::new(), 1)]);
    assert_eq!(counts(&prior, "checklists_taken_as_incomplete"), [(String::new(), 1)]);
    assert_eq!(counts(&prior, "checklist_groups").len(), 2);
    assert_eq!(
        prior.facts[1],
        "8 rows of lists and 12 observations read, 10 of them on these lists"
    );

    // Packed, and without the sampling file: lists without an observation are not known.
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed
        .write_all(&std::fs::read(place.0.path().join("ebd.txt")).unwrap())
        .unwrap();
    place.write("ebd.txt.gz", packed.finish().unwrap());
    let prior = place.checklists("ebd.txt.gz", None).unwrap();
    assert_eq!(super::tests::rows(&prior)["S1"], rows["S1"]);
    assert_eq!(counts(&prior, "checklists_not_found").len(), 2, "S5 has no observation");
}

#[test]
fn names_of_another_year_open_their_lists() {
    let place = Place::new();
    place.write("recordings.csv", "asset_id,checklist_id\n1,S1\n2,S2\n");
    place.write(
        "ebd.txt",
        ebd(&[
            seen("a-99", "Traill's Flycatcher", "Empidonax traillorum", "S1", "", 1),
            seen("a-98", "Mallard", "Anas platyrhynchos", "S2", "", 1),
        ]),
    );
    let prior = place.checklists("ebd.txt", None).unwrap();
    assert_eq!(rows(&prior)["S1"][2], "0");
    assert_eq!(
        rows(&prior)["S2"][0],
        "mallar3",
        "both of its names are those of the taxonomy"
    );
    let names = counts(&prior, "checklist_names_not_in_taxonomy");
    assert_eq!(names, [("Empidonax traillorum (Traill's Flycatcher)".to_owned(), 1)]);
}

#[test]
fn an_observers_own_file_has_other_columns() {
    let place = Place::new();
    place.write("recordings.csv", "asset_id,checklist_id\n1,S1\n2,S2\n");
    place.write(
        "MyEBirdData.csv",
        "Submission ID,Common Name,Scientific Name,Taxonomic Order,Count,State/Province,County,Location ID,Location,Latitude,\
         Longitude,Date,Time,Protocol,Duration (Min),All Obs Reported,Distance Traveled (km)\n\
         S1,Wood Thrush,Hylocichla mustelina,1,X,US-PA,\"A, B\",L1,Wood,40.1,-79.2,2018-06-02,03:04 PM,eBird,10,1,\n\
         S2,Alder/Willow Flycatcher,Empidonax alnorum/traillii,2,1,US-PA,,L1,Wood,40.1,-79.2,2018-06-02,03:04 PM,eBird,10,0,\n",
    );
    let prior = place.checklists("MyEBirdData.csv", None).unwrap();
    let rows = rows(&prior);
    assert_eq!(
        rows["S1"],
        ["woothr", "aldfly;wilfly;mallar3;ambduc;oddbrd", "1"],
        "nothing else was ever seen"
    );
    assert_eq!(rows["S2"], ["", "", "0"]);
}

#[test]
fn files_that_are_cut_or_others_are_refused() {
    let place = Place::new();
    place.write("recordings.csv", "asset_id,checklist_id\n1,S1\n");
    let whole = ebd(&[seen("a-10", "Wood Thrush", "Hylocichla mustelina", "S1", "", 1)]);
    place.write("cut.txt", &whole[..whole.len() - 30]);
    let told = |place: &Place, name| place.checklists(name, None).unwrap_err().to_string();
    let text = told(&place, "cut.txt");
    assert!(text.contains("cut.txt:2: ends within a row"), "{text}");
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(whole.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    place.write("cut.gz", &packed[..packed.len() - 12]);
    assert!(told(&place, "cut.gz").contains("cannot be read"));
    place.write("other.txt", "a\tb\n1\t2\n");
    let text = told(&place, "other.txt");
    assert!(
        text.contains("missing column `SAMPLING EVENT IDENTIFIER`; the table has: A, B"),
        "{text}"
    );
    assert!(told(&place, "nothing.txt").contains("nothing.txt: cannot be read"));
    place.write("recordings.csv", "asset_id\n1\n");
    assert!(told(&place, "cut.txt").contains("names no checklist"));
}

#[test]
fn scores_of_the_nearest_point_and_the_week_decide() {
    let place = Place::new();
    place.write(
        "recordings.csv",
        "asset_id,latitude,longitude,recorded_at,local_time\n\
         1,40.1,-79.2,2018-06-02T06:30:00-04:00,\n\
         2,40.1,-79.2,,2018-01-31T05:00:00\n\
         3,40.1,-79.2,,\n\
         4,-10,20,2018-06-02T06:30:00Z,\n\
         5,,,2018-06-02T06:30:00Z,\n\
         6,40.1,-79.2,2018-12-31T23:30:00-05:00,\n",
    );
    place.write(
        "modelled.txt",
        "aldfly\tEmpidonax alnorum\tAlder Flycatcher\nwoothr\t\t\nmallar3\nambduc\nambduc\nnobird\n",
    );
    let scores = "lat,lon,week,code,score\n\
        40,-79,21,aldfly,0.5\n40,-79,21,woothr,0.029\n40,-79,4,woothr,0.6\n40,-79,4,aldfly,0.01\n40,-79,-1,mallar3,0.9\n\
        40,-79,21,wilfly,0.9\n40,-79,21,zzz,0.9\n0,0,21,ambduc,0.9\n";
    place.write("scores.csv", scores);
    let prior = place.geographic(0.03).unwrap();
    let rows = rows(&prior);
    let modelled = "aldfly;mallar3;ambduc;woothr";
    assert_eq!(rows["1"], ["aldfly;mallar3", modelled]);
    assert_eq!(rows["2"], ["mallar3;woothr", modelled]);
    assert_eq!(
        rows["3"],
        ["aldfly;mallar3;woothr", modelled],
        "the highest scores of the year"
    );
    assert_eq!(
        rows["6"],
        ["mallar3", modelled],
        "a week without scores of its own, but the year has some"
    );
    assert_eq!(rows.len(), 4);
    assert_eq!(counts(&prior, "priors_too_far").len(), 1);
    assert_eq!(counts(&prior, "priors_without_place").len(), 1);
    assert_eq!(counts(&prior, "priors_of_whole_year").len(), 1);
    assert_eq!(counts(&prior, "scores_not_modelled"), [("wilfly".to_owned(), 1)]);
    assert_eq!(
        counts(&prior, "classes_not_modelled"),
        [("oddbrd".to_owned(), 1), ("wilfly".to_owned(), 1)]
    );

    place.write("scores.csv", scores.replace("40,-79,-1,mallar3,0.9\n", ""));
    let prior = place.geographic(0.03).unwrap();
    assert_eq!(
        counts(&prior, "priors_without_week").len(),
        1,
        "of no week, and no year: unknown"
    );
}

#[test]
fn mistakes_in_scores_are_named() {
    let place = Place::new();
    place.write("recordings.csv", "asset_id,latitude,longitude\n1,40,-79\n");
    place.write("modelled.txt", "code\naldfly\n");
    place.write(
        "scores.csv",
        "latitude,longitude,week,species_code,score\n40,-79,49,aldfly,0.5\n40,-79,1,aldfly,3.2\n95,0,1,aldfly,0\n,0,1,,x\n",
    );
    let told = place.geographic(0.1).unwrap_err().to_string();
    for text in [
        "scores.csv:2: week = \"49\": expected a week from 1 to 48",
        "scores.csv:3: score = \"3.2\": expected a score from 0 to 1",
        "scores.csv:4: latitude = \"95\": expected degrees",
        "scores.csv:5: latitude = \"\": must not be empty",
        "scores.csv:5: species_code = \"\": must not be empty",
        "scores.csv:5: score = \"x\": expected a finite number",
    ] {
        assert!(told.contains(text), "{text}\n{told}");
    }
    place.write("modelled.txt", "Alder Flycatcher\n");
    assert!(
        place
            .geographic(0.1)
            .unwrap_err()
            .to_string()
            .contains("has none of the classes")
    );
}

/// Lists with place and day: id, group, complete, latitude, longitude, day.
fn placed(lists: &[(&str, &str, u8, f64, &str)]) -> String {
    let header = format!("{SAMPLING}LATITUDE\tLONGITUDE\tOBSERVATION DATE\t\n");
    let row = |(id, group, complete, longitude, day): &(&str, &str, u8, f64, &str)| {
        format!("2024\t{id}\tStationary\t{complete}\t{group}\t40.0\t{longitude}\t{day}\t\n")
    };
    header + &lists.iter().map(row).collect::<String>()
}

#[test]
fn recordings_get_the_nearest_complete_list_of_their_day() {
    let place = Place::new();
    place.write(
        "recordings.csv",
        "asset_id,checklist_id,latitude,longitude,recorded_at,local_time\n\
         1,,40.0,-79.0,2024-05-01T23:30:00-04:00,\n\
         2,,40.0,-79.0,,2024-05-02T05:00:00\n\
         3,S9,40.0,-79.0,2024-05-01T06:00:00-04:00,\n\
         4,,40.0,-70.0,2024-05-01T06:00:00-04:00,\n\
         5,,,,2024-05-01T06:00:00-04:00,\n\
         6,,40.0,-79.0,,\n",
    );
    // About 85 km a degree: S1 is not complete, S3 farther than S2, S4 of another day, S6 at the place of S2.
    let lists = [
        ("S6", "", 1, -79.01, "2024-05-01"),
        ("S1", "", 0, -79.0, "2024-05-01"),
        ("S3", "", 1, -79.02, "2024-05-01"),
        ("S2", "", 1, -79.01, "2024-05-01"),
        ("S4", "", 1, -79.0, "2024-05-03"),
        ("S5", "", 1, -79.015, "2024-05-02"),
        ("S9", "", 1, -10.0, "2023-01-01"),
    ];
    place.write("sampling.txt", placed(&lists));
    let wren = |list| seen("a-10", "Wood Thrush", "Hylocichla mustelina", list, "", 1);
    place.write("ebd.txt", ebd(&[wren("S2"), wren("S9")]));
    let prior = place
        .near_checklists("ebd.txt", Some("sampling.txt"), Some(2.0))
        .unwrap();
    let found: Vec<(String, String, String)> = rows(&prior)
        .into_iter()
        .map(|(asset, cells)| (asset, cells[0].clone(), cells[1].clone()))
        .collect();
    let expected = [("1", "S2", "woothr"), ("2", "S5", ""), ("3", "S9", "woothr")];
    assert_eq!(
        found,
        expected.map(|(asset, list, seen)| (asset.to_owned(), list.to_owned(), seen.to_owned()))
    );
    let count = |key| counts(&prior, key).iter().map(|(_, count)| count).sum::<u64>();
    assert_eq!((count("checklists_not_near"), count("checklists_not_sought")), (1, 2));
    assert!(
        prior.facts[0].starts_with("2 recordings without a checklist got the nearest complete one"),
        "{:?}",
        prior.facts
    );

    // A day that is none, and nothing near.
    place.write(
        "recordings.csv",
        "asset_id,latitude,longitude,recorded_at\n4,40.0,-70.0,2024-05-01T06:00:00Z\n",
    );
    let refused = |within_km| {
        let made = place.near_checklists("ebd.txt", Some("sampling.txt"), within_km);
        made.unwrap_err().to_string()
    };
    assert!(refused(Some(2.0)).contains("has no recording with a complete checklist of its day within 2 km"));
    assert!(refused(None).contains("--within-km takes the nearest one of their day"));
    place.write("sampling.txt", placed(&[("S1", "", 1, -79.0, "May 1")]));
    assert!(refused(Some(2.0)).contains("sampling.txt:2: expected a date such as 2024-05-31"));
    place.write("sampling.txt", sampling(&[("S1", "", 1)]));
    assert!(refused(Some(2.0)).contains("missing column `LATITUDE`"));
}
