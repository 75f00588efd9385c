//! Labelled soundscapes of 2021 and 2026.

use super::*;
use crate::import::birdclef::read;

/// The rows of a table as text, the asset id as the name of its recording.
fn rows(listing: &Listing, table: &str) -> Vec<String> {
    let tables = written(listing).0;
    let name = |id: &str| {
        let row = tables["recordings.csv"]
            .iter()
            .find(|row| row["asset_id"] == id)
            .unwrap();
        row["source_id"].clone()
    };
    let shown = |row: &BTreeMap<String, String>| {
        let last = row.get("species_code").or(row.get("scope")).unwrap();
        format!("{} {} {} {last}", name(&row["asset_id"]), row["start_s"], row["end_s"])
    };
    let mut rows: Vec<String> = tables[table].iter().map(shown).collect();
    rows.sort();
    rows
}

#[test]
fn windows_of_2021_end_where_the_table_says_and_nocall_is_a_complete_window() {
    let place = Place::new();
    place.write(
        "train_soundscape_labels.csv",
        "row_id,site,audio_id,seconds,birds\n\
         7019_COR_5,COR,7019,5,nocall\n\
         7019_COR_10,COR,7019,10,rucwar\n\
         7019_COR_15,COR,7019,15,rucwar grekis\n\
         7020_SSW_5,SSW,7020,5,\n\
         7020_SSW_10,SSW,7020,10,grekis\n\
         9_COR_5,COR,9,5,nocall\n",
    );
    place.sounds(&[
        "train_soundscapes/7019_COR_20190904.ogg",
        "train_soundscapes/7020_SSW_20170429.ogg",
        "train_soundscapes/8_SSW_20170429.ogg",
    ]);
    let listing = read(place.path(), None, &none()).unwrap();
    check_rows(&listing);
    assert_eq!(classes(&listing), ["grekis", "rucwar"]);
    assert_eq!(listing.window_s, Some(5.0));
    assert_eq!(
        rows(&listing, "boxes.csv"),
        [
            "7019_COR 10 15 grekis",
            "7019_COR 10 15 rucwar",
            "7019_COR 5 10 rucwar",
            "7020_SSW 5 10 grekis"
        ]
    );
    assert_eq!(
        rows(&listing, "annotated_spans.csv"),
        [
            "7019_COR 0 5 all",
            "7019_COR 10 15 all",
            "7019_COR 5 10 all",
            "7020_SSW 5 10 all"
        ]
    );
    assert_eq!(
        counts(&listing, "windows_without_label"),
        [(String::new(), 1)],
        "an empty list says nothing"
    );
    assert_eq!(counts(&listing, "rows_without_file"), [("9_COR".to_owned(), 1)]);
    assert_eq!(counts(&listing, "recordings_without_labels"), [(String::new(), 1)]);
    assert_eq!(column(&listing, "site")["7019_COR_20190904"], "COR");
}

#[test]
fn windows_of_2026_are_taken_once_and_labels_like_numbers_are_text() {
    let place = Place::new();
    let rows_once = "BC2026_Train_0001_S08_20250606_030007.ogg,00:00:00,00:00:05,22961;22973;47158son01\n\
                     BC2026_Train_0001_S08_20250606_030007.ogg,00:00:05,00:00:10,22961\n\
                     BC2026_Train_0001_S08_20250606_030007.ogg,00:01:00,00:01:05,22973\n";
    let others = "BC2026_Train_0001_S08_20250606_030007.ogg,00:00:05,00:00:10,22973\n\
                  BC2026_Train_0001_S08_20250606_030007.ogg,00:00:12,00:00:17,22973\n\
                  BC2026_Train_0001_S08_20250606_030007.ogg,00:00:20,00:00:30,22973\n\
                  BC2026_Train_0001_S08_20250606_030007.ogg,00:00:30,00:00:35,22973;xyz\n";
    place.write(
        "train_soundscapes_labels.csv",
        format!("filename,start,end,primary_label\n{rows_once}{rows_once}{others}"),
    );
    place.write(
        "taxonomy.csv",
        "primary_label,scientific_name,common_name,class_name\n\
         22961,Leptodactylus fuscus,Whistling Frog,Amphibia\n22973,Leptodactylus labyrinthicus,Pepper Frog,Amphibia\n\
         47158son01,Insecta sp.,Sonotype,Insecta\n",
    );
    place.sounds(&["train_soundscapes/BC2026_Train_0001_S08_20250606_030007.ogg"]);
    let listing = read(place.path(), None, &none()).unwrap();
    check_rows(&listing);
    let name = "BC2026_Train_0001_S08_20250606_030007.ogg";
    let boxes: Vec<String> = rows(&listing, "boxes.csv")
        .iter()
        .map(|row| row.replace(name, "a"))
        .collect();
    assert_eq!(
        boxes,
        [
            "a 0 5 22961",
            "a 0 5 22973",
            "a 0 5 47158son01",
            "a 30 35 22973",
            "a 5 10 22961",
            "a 5 10 22973",
            "a 60 65 22973"
        ]
    );
    assert_eq!(rows(&listing, "annotated_spans.csv").len(), 4);
    assert_eq!(counts(&listing, "windows_repeated"), [(String::new(), 3)]);
    assert_eq!(counts(&listing, "windows_with_two_lists"), [(String::new(), 1)]);
    assert_eq!(counts(&listing, "windows_off_the_grid"), [(String::new(), 2)]);
    assert_eq!(counts(&listing, "labels_of_no_class"), [("xyz".to_owned(), 1)]);
    assert_eq!(column(&listing, "site")["BC2026_Train_0001_S08_20250606_030007"], "S08");
    assert_eq!(counts(&listing, "recordings_without_target"), []);
}

#[test]
fn a_window_with_an_ambiguous_label_is_not_complete() {
    let place = Place::new();
    place.write(
        "train_soundscape_labels.csv",
        "row_id,site,audio_id,seconds,birds\n1_A_5,A,1,5,mallar\n1_A_10,A,1,10,mallar hybduc\n",
    );
    place.sounds(&["train_soundscapes/1_A_20200101.ogg"]);
    let taxonomy = taxonomy(
        &place,
        "ebird_taxonomy_v2024.csv",
        "1,species,mallar,a-1,Mallard,Anas platyrhynchos,Anseriformes,Anatidae (Ducks),,\n\
         2,hybrid,hybduc,a-2,Mallard x Black Duck,Anas platyrhynchos x rubripes,Anseriformes,Anatidae (Ducks),,\n",
    );
    let listing = read(place.path(), Some(&taxonomy), &none()).unwrap();
    assert_eq!(rows(&listing, "boxes.csv"), ["1_A 0 5 mallar", "1_A 5 10 mallar"]);
    assert_eq!(rows(&listing, "annotated_spans.csv"), ["1_A 0 5 all"]);
    assert_eq!(counts(&listing, "labels_not_one_species").len(), 1);
}

#[test]
fn mistakes_of_windows_are_named() {
    let place = Place::new();
    place.write(
        "train_soundscapes_labels.csv",
        "filename,start,end,primary_label\na.ogg,00:00:00,soon,x\na.ogg,,00:00:05,x\n,00:00:00,00:00:05,x\n",
    );
    let told = read(place.path(), None, &none()).unwrap_err().to_string();
    for text in [
        "train_soundscapes_labels.csv:2: end = \"soon\": expected seconds",
        ":3: start = \"\": must not be empty",
        ":4: filename = \"\": must not be empty",
    ] {
        assert!(told.contains(text), "{text}\n{told}");
    }
}
