//! iNatSounds: splits, licences, and the numbers that are none.

use super::*;
use crate::import::inatsounds::read;

const TRAIN: &str = r#"{"info":{"year":2024},
"audio":[
 {"id":1,"duration":10.5,"file_name":"train/00001_Aves/a.wav","license":4,"rights_holder":"ana","date":"2019-05-12 07:03:00+02:00",
  "latitude":41.5,"longitude":-2.25,"location_uncertainty":NaN},
 {"id":2,"duration":3.0,"file_name":"b.wav","license":0,"rights_holder":"bo","date":"2019-05-12","latitude":NaN,"longitude":NaN,
  "location_uncertainty":null},
 {"id":3,"duration":3.0,"file_name":"train/00001_Aves/gone.wav","license":9,"rights_holder":"","date":"","latitude":null,
  "longitude":null},
 {"id":4,"duration":3.0,"file_name":"train/00001_Aves/two.wav","license":1,"rights_holder":"","date":null,"latitude":0,"longitude":0}],
"categories":[
 {"id":1,"name":"Parus major","common_name":"Great Tit","supercategory":"Aves","audio_dir_name":"00001_Aves"},
 {"id":2,"name":"Gryllus campestris","common_name":"Field Cricket","supercategory":"Insecta","audio_dir_name":"00002_Insecta"}],
"annotations":[{"id":1,"audio_id":1,"category_id":1},{"id":2,"audio_id":2,"category_id":2},{"id":3,"audio_id":3,"category_id":1},
 {"id":4,"audio_id":4,"category_id":1},{"id":5,"audio_id":4,"category_id":2},{"id":6,"audio_id":99,"category_id":1},
 {"id":7,"audio_id":1,"category_id":77}],
"licenses":[{"id":0,"name":"Public Domain","url":"http://creativecommons.org/publicdomain/zero/1.0/"},
 {"id":1,"name":"Attribution-NonCommercial License","url":"http://creativecommons.org/licenses/by-nc/4.0/"},
 {"id":4,"name":"Attribution License","url":"http://creativecommons.org/licenses/by/4.0/"}]}"#;

fn place() -> Place {
    let place = Place::new();
    place.write("train.json", TRAIN);
    let val = TRAIN.replace("train/00001_Aves/a.wav", "val/00001_Aves/v.wav");
    place.write("val.json", val);
    place.sounds(&[
        "train/00001_Aves/a.wav",
        "train/00002_Insecta/b.wav",
        "train/00001_Aves/two.wav",
        "val/00001_Aves/v.wav",
    ]);
    place
}

#[test]
fn splits_licences_places_and_times_are_those_of_the_set() {
    let place = place();
    let taxonomy = taxonomy(
        &place,
        "ebird_v2023.csv",
        "2,species,gretit1,a-2,Great Tit,Parus major,Passeriformes,Paridae (Tits),,\n",
    );
    let listing = read(place.path(), Some(&taxonomy), &none()).unwrap();
    check_rows(&listing);
    assert_eq!((listing.rows(), listing.taken()), (8, 4));
    assert_eq!(classes(&listing), ["gretit1", "gryllus-campestris"]);
    let of = |name: &str, stem: &str| column(&listing, name)[stem].clone();
    assert_eq!((of("split", "a"), of("split", "v")), ("train".into(), "val".into()));
    assert_eq!(of("recorded_at", "a"), "2019-05-12T07:03:00+02:00");
    assert_eq!(
        (of("recorded_at", "b"), of("local_time", "b")),
        (String::new(), "2019-05-12".into())
    );
    assert_eq!(
        (of("latitude", "a"), of("latitude", "b"), of("latitude", "two")),
        ("41.5".into(), String::new(), String::new())
    );
    assert_eq!(
        (of("license", "a"), of("license", "b")),
        ("CC-BY-4.0".into(), "CC0-1.0".into())
    );
    assert_eq!(of("recordist", "a"), "ana");
    assert_eq!(
        (of("target_species", "two"), of("heard", "two")),
        (String::new(), "gretit1;gryllus-campestris".into())
    );
    // Of train and val: val lists the recordings of train again, but one.
    assert_eq!(
        counts(&listing, "rows_without_file"),
        [("b.wav".to_owned(), 1), ("train/00001_Aves/gone.wav".to_owned(), 2)]
    );
    assert_eq!(
        counts(&listing, "rows_repeated"),
        [("train/00001_Aves/two.wav".to_owned(), 1)]
    );
    assert_eq!(counts(&listing, "annotations_of_no_recording"), [(String::new(), 2)]);
    assert_eq!(
        counts(&listing, "names_not_in_taxonomy"),
        [("category 77".to_owned(), 2)]
    );
    assert!(written(&listing).1.contains("must not be handed on"));
}

#[test]
fn what_is_no_table_is_named() {
    let place = Place::new();
    assert!(
        read(place.path(), None, &none())
            .unwrap_err()
            .to_string()
            .contains("none of train.json")
    );
    place.write(
        "train.json",
        "{\"audio\": [1, {\"id\": 1}], \"annotations\": [{\"audio_id\": \"x\"}]}",
    );
    let told = read(place.path(), None, &none()).unwrap_err().to_string();
    for text in [
        "has no list `categories`",
        "audio = \"1\": expected an object",
        "expected audio_id and category_id",
    ] {
        assert!(told.contains(text), "{text}\n{told}");
    }
    place.write("train.json", "[]");
    assert!(
        read(place.path(), None, &none())
            .unwrap_err()
            .to_string()
            .contains("is no object with audio")
    );
}
