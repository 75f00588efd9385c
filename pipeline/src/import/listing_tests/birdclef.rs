//! BirdCLEF: the columns of each year, labels, and mistakes.

use super::*;
use crate::import::birdclef::read;

const HEADER_2025: &str = "primary_label,secondary_labels,type,filename,collection,rating,url,latitude,longitude,\
                           scientific_name,common_name,author,license\n";

fn of_2025(rows: &str) -> Place {
    let place = Place::new();
    place.write("train.csv", format!("{HEADER_2025}{rows}"));
    place.write(
        "taxonomy.csv",
        "primary_label,inat_taxon_id,scientific_name,common_name,class_name\n\
         1139490,1139490,Ragoniella pulchella,Ragoniella pulchella,Insecta\n\
         47158son16,47158,Insecta sp.,Insect sonotype 16,Insecta\n\
         grekis,4242,Pitangus sulphuratus,Great Kiskadee,Aves\n\
         amekes,4714,Falco sparverius,American Kestrel,Aves\n",
    );
    place.sounds(&[
        "train_audio/grekis/XC1.ogg",
        "train_audio/grekis/iNat2.ogg",
        "train_audio/1139490/CSA3.ogg",
    ]);
    place
}

#[test]
fn labels_of_2025_are_text_lists_are_python_and_what_is_no_class_is_counted() {
    let place = of_2025(
        "grekis,\"['amekes', '47158son16', 'nowren']\",\"['song']\",grekis/XC1.ogg,XC,4.5,https://xeno-canto.org/1,-3.5,-60.25,\
         Pitangus sulphuratus,Great Kiskadee,Ana,cc-by-nc-sa 4.0\n\
         grekis,[''],[''],grekis/iNat2.ogg,iNat,0.0,https://static.inaturalist.org/2.wav,,,Pitangus sulphuratus,Great Kiskadee,Bo,cc-by 4.0\n\
         1139490,\"['']\",\"['']\",1139490/CSA3.ogg,CSA,0.0,http://colecciones.humboldt.org.co/3,7.3,-73.9,Ragoniella pulchella,\
         Ragoniella pulchella,Cy,cc-by-nc-sa 4.0\n",
    );
    let listing = read(place.path(), None, &none()).unwrap();
    check_rows(&listing);
    assert_eq!(classes(&listing), ["1139490", "47158son16", "grekis", "amekes"]);
    let heard = column(&listing, "heard");
    assert_eq!(heard["XC1"], "47158son16;amekes;grekis");
    assert_eq!((heard["iNat2"].as_str(), heard["CSA3"].as_str()), ("grekis", "1139490"));
    assert_eq!(column(&listing, "target_species")["CSA3"], "1139490");
    assert_eq!(counts(&listing, "labels_of_no_class"), [("nowren".to_owned(), 1)]);
    let license = column(&listing, "license");
    assert_eq!(
        (license["XC1"].as_str(), license["iNat2"].as_str()),
        ("CC-BY-NC-SA-4.0", "CC-BY-4.0")
    );
    let quality = column(&listing, "quality");
    assert_eq!(
        (quality["XC1"].as_str(), quality["iNat2"].as_str()),
        ("4.5", ""),
        "a rating of 0 is none"
    );
    assert_eq!(column(&listing, "recordist")["iNat2"], "Bo");
    assert_eq!(column(&listing, "latitude")["XC1"], "-3.5");
    assert_eq!(counts(&listing, "recordings_without_place").len(), 1);
    assert!(column(&listing, "recorded_at").values().all(String::is_empty));
}

#[test]
fn every_year_has_its_columns_and_folders() {
    // 2021: the file's name has no folder; 2022: no date; 2023 and 2024: neither date nor time.
    for (year, table, header, row, file, local_time) in [
        (
            2021,
            "train_metadata.csv",
            "primary_label,secondary_labels,type,latitude,longitude,scientific_name,common_name,author,date,filename,license,\
             rating,time,url",
            "acafly,\"['amegfi']\",\"['call']\",35.4,-77.0,Empidonax virescens,Acadian Flycatcher,Mike,2009-07-28,XC6671.ogg,\
             Creative Commons Attribution-NonCommercial-ShareAlike 3.0,4.0,15:20,https://www.xeno-canto.org/6671",
            "train_short_audio/acafly/XC6671.ogg",
            "2009-07-28T15:20:00",
        ),
        (
            2022,
            "train_metadata.csv",
            "primary_label,secondary_labels,type,latitude,longitude,scientific_name,common_name,author,license,rating,time,url,\
             filename",
            "acafly,\"['amegfi']\",\"['call']\",35.4,-77.0,Empidonax virescens,Acadian Flycatcher,Mike,CC,4.0,15:20,\
             https://www.xeno-canto.org/6671,acafly/XC6671.ogg",
            "train_audio/acafly/XC6671.ogg",
            "",
        ),
        (
            2023,
            "train_metadata.csv",
            "primary_label,secondary_labels,type,latitude,longitude,scientific_name,common_name,author,license,rating,url,filename",
            "acafly,\"['amegfi']\",\"['call']\",35.4,-77.0,Empidonax virescens,Acadian Flycatcher,Mike,CC,4.0,\
             https://www.xeno-canto.org/6671,acafly/XC6671.ogg",
            "train_audio/acafly/XC6671.ogg",
            "",
        ),
    ] {
        let place = Place::new();
        let other = row
            .replace("acafly", "amegfi")
            .replace("6671", "7")
            .replace("['amegfi']", "[]");
        place.write(table, format!("{header}\n{row}\n{other}\n"));
        place.sounds(&[file, &file.replace("acafly", "amegfi").replace("6671", "7")]);
        let listing = read(place.path(), None, &none()).unwrap();
        check_rows(&listing);
        assert_eq!(classes(&listing), ["acafly", "amegfi"], "{year}");
        assert_eq!(column(&listing, "heard")["XC6671"], "acafly;amegfi", "{year}");
        assert_eq!(column(&listing, "local_time")["XC6671"], local_time, "{year}");
        let without_offset = u64::from(!local_time.is_empty()) * 2;
        let counted: u64 = counts(&listing, "recordings_without_utc_offset")
            .iter()
            .map(|(_, count)| count)
            .sum();
        assert_eq!(counted, without_offset, "{year}");
    }
}

#[test]
fn retired_codes_become_those_of_the_taxonomy_and_splits_are_left_open() {
    let place = Place::new();
    place.write(
        "train_metadata.csv",
        "primary_label,secondary_labels,filename,scientific_name,common_name\n\
         mallar,[],mallar/XC1.ogg,Anas platyrhynchos,Mallard\n\
         houwre,\"['mallar']\",houwre/XC2.ogg,Troglodytes aedon,House Wren\n\
         wesfly,[],wesfly/XC3.ogg,Empidonax difficilis,Western Flycatcher\n\
         myrwar1,[],myrwar1/XC4.ogg,Setophaga coronata coronata,Myrtle Warbler\n\
         oddbrd,[],oddbrd/XC5.ogg,Avis rara,Odd Bird\n",
    );
    place.sounds(&[
        "mallar/XC1.ogg",
        "houwre/XC2.ogg",
        "wesfly/XC3.ogg",
        "myrwar1/XC4.ogg",
        "oddbrd/XC5.ogg",
    ]);
    let taxonomy = taxonomy(
        &place,
        "ebird_taxonomy_v2024.csv",
        "1,species,mallar3,avibase-1,Mallard,Anas platyrhynchos,Anseriformes,Anatidae (Ducks),,\n\
         2,species,nhowre1,avibase-2,Northern House Wren,Troglodytes aedon,Passeriformes,Troglodytidae (Wrens),,\n\
         3,species,yerwar,avibase-3,Yellow-rumped Warbler,Setophaga coronata,Passeriformes,Parulidae (Warblers),,\n\
         4,issf,myrwar1,avibase-4,Yellow-rumped Warbler (Myrtle),Setophaga coronata coronata,Passeriformes,Parulidae,,yerwar\n\
         5,species,wesfly,avibase-5,Western Flycatcher,Empidonax difficilis,Passeriformes,Tyrannidae,,\n",
    );
    let listing = read(place.path(), Some(&taxonomy), &none()).unwrap();
    check_rows(&listing);
    assert_eq!(taxonomy.name(), "eBird taxonomy 2024");
    assert_eq!(classes(&listing), ["mallar3", "oddbrd", "wesfly", "yerwar"]);
    let detail = |key: &str| {
        counts(&listing, key)
            .into_iter()
            .map(|(detail, _)| detail)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        detail("labels_renamed"),
        ["mallar (Mallard, Anas platyrhynchos) -> mallar3"]
    );
    assert_eq!(
        detail("labels_ambiguous"),
        ["houwre (House Wren, Troglodytes aedon): nhowre1"]
    );
    assert!(
        detail("labels_of_forms")[0].ends_with("-> yerwar"),
        "{:?}",
        detail("labels_of_forms")
    );
    assert_eq!(
        counts(&listing, "labels_renamed")[0].1,
        2,
        "the names of a primary label are those of a secondary one, too"
    );
    assert_eq!(detail("codes_not_in_taxonomy"), ["oddbrd (Odd Bird, Avis rara)"]);
    let heard = column(&listing, "heard");
    assert_eq!(heard["XC2"], "mallar3", "its target is ambiguous");
    assert_eq!(column(&listing, "target_species")["XC2"], "");
    assert_eq!(listing.taxa[0].common_name.as_deref(), Some("Mallard"));

    // A person decides.
    let choices = Choices::from([("houwre".into(), "nhowre1".into())]);
    let listing = read(place.path(), Some(&taxonomy), &choices).unwrap();
    assert_eq!(column(&listing, "heard")["XC2"], "mallar3;nhowre1");
    assert_eq!(counts(&listing, "labels_ambiguous"), []);
}

#[test]
fn mistakes_are_reported_at_once_and_files_that_are_not_there_are_counted() {
    let place = of_2025(
        "grekis,\"['amekes'\",[],grekis/XC1.ogg,XC,,,,,,,,\n\
         ,[],[],grekis/XC1.ogg,XC,,,,,,,,\n\
         grekis,[],[],../../XC1.ogg,XC,,,,,,,,\n\
         grekis,[],[],grekis/XC1.ogg,XC,,,,,,,,\n\
         amekes,[],[],grekis/XC1.ogg,XC,,,,,,,,\n",
    );
    let told = read(place.path(), None, &none()).unwrap_err().to_string();
    for text in [
        "train.csv:2: secondary_labels = \"['amekes'\": expected a list as Python shows it",
        "train.csv:3: primary_label = \"\": must not be empty",
        "train.csv:4: filename = \"../../XC1.ogg\": leads out of the folder",
        "train.csv:6: primary_label = \"amekes\": the same recording is of \"grekis\" on line 5",
    ] {
        assert!(told.contains(text), "{text}\n{told}");
    }
    let place = of_2025(
        "grekis,[],[],grekis/XC1.ogg,XC,,,91,0,,,,\n\
         grekis,[],[],grekis/XC1.ogg,XC,,,,,,,,\n\
         grekis,[],[],grekis/gone.ogg,XC,,,,,,,,\n",
    );
    let listing = read(place.path(), None, &none()).unwrap();
    check_rows(&listing);
    assert_eq!((listing.rows(), listing.taken(), listing.rejected()), (3, 1, 1));
    assert_eq!(
        counts(&listing, "rows_without_file"),
        [("grekis/gone.ogg".to_owned(), 1)]
    );
    assert_eq!(
        counts(&listing, "rows_repeated"),
        [("train_audio/grekis/XC1.ogg".to_owned(), 1)]
    );
    assert_eq!(counts(&listing, "places_not_understood").len(), 1);
    let report = written(&listing).1;
    assert!(
        report.starts_with("3 rows read, 1 taken, 2 left out\n") && report.contains("grekis/gone.ogg"),
        "{report}"
    );

    let empty = Place::new();
    let told = read(empty.path(), None, &none()).unwrap_err().to_string();
    assert!(told.contains("has none of the tables of BirdCLEF"), "{told}");
    let none_there = of_2025("grekis,[],[],grekis/gone.ogg,XC,,,,,,,,\n");
    let listing = read(none_there.path(), None, &none()).unwrap();
    let told = listing
        .write(none_there.path(), false, &RULE, None)
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("none of the 1 rows") && told.contains("not in the folder"),
        "{told}"
    );
}
