//! Xeno-canto: both versions of its API, tables, and what is missing in them.

use super::*;
use crate::import::xeno_canto::read;

const TAXA: &str = "1,species,eurwre,a-1,Eurasian Wren,Troglodytes troglodytes,Passeriformes,Troglodytidae (Wrens),,\n\
                    2,species,gretit1,a-2,Great Tit,Parus major,Passeriformes,Paridae (Tits),,\n\
                    3,species,grewhi1,a-3,Greater Whitethroat,Curruca communis,Passeriformes,Sylviidae,,\n\
                    4,species,norwar,a-4,Northern Wren-Warbler,Prinia borealis,Passeriformes,Cisticolidae,,\n";

/// A page of version 2: `group`, `lng`, texts only, an empty background of one empty text.
const V2: &str = r#"{"numRecordings":"3","numSpecies":"2","page":1,"numPages":1,"recordings":[
 {"id":"101","gen":"Troglodytes","sp":"troglodytes","ssp":"","group":"birds","en":"Winter Wren","rec":"Ana B","cnt":"Spain",
  "loc":"Wood","lat":"41.5","lng":"-2.25","alt":"900","type":"song","url":"//xeno-canto.org/101",
  "file":"https://xeno-canto.org/101/download","file-name":"XC101-Wren.mp3","lic":"//creativecommons.org/licenses/by-nc-sa/4.0/",
  "q":"A","length":"1:02:03","time":"05:30","date":"2021-05-03","uploaded":"2021-06-01","also":["Parus major","Sylvia communis"]},
 {"id":"102","gen":"Parus","sp":"major","group":"birds","en":"Great Tit","rec":"C","lat":null,"lng":null,
  "url":"//xeno-canto.org/102","file":"","file-name":"","lic":"//creativecommons.org/licenses/by/4.0/","q":"no score",
  "length":"0:05","time":"?","date":"2020-04-00","also":[""]},
 {"id":"103","gen":"Mystery","sp":"mystery","group":"birds","en":"Identity unknown","rec":"C","lat":"1","lng":"2",
  "url":"//xeno-canto.org/103","file":"x","file-name":"XC103.wav","lic":"","q":"B","length":"0:05","time":"12:00","date":"2020-04-01",
  "also":[""]}]}"#;

fn place_of(page: &str) -> Place {
    let place = Place::new();
    place.write("metadata/page1.json", page);
    place.sounds(&["audio/XC101-Wren.mp3", "audio/XC103.wav"]);
    place
}

#[test]
fn both_versions_and_a_table_say_the_same() {
    let v3 = V2.replace("\"group\"", "\"grp\"").replace("\"lng\"", "\"lon\"");
    let table = "id,gen,sp,ssp,grp,en,rec,lat,lon,url,file,file-name,lic,q,length,time,date,also\n\
        101,Troglodytes,troglodytes,,birds,Winter Wren,Ana B,41.5,-2.25,//xeno-canto.org/101,https://xeno-canto.org/101/download,\
        XC101-Wren.mp3,//creativecommons.org/licenses/by-nc-sa/4.0/,A,1:02:03,05:30,2021-05-03,\"['Parus major', 'Sylvia communis']\"\n\
        102,Parus,major,,birds,Great Tit,C,,,//xeno-canto.org/102,,,//creativecommons.org/licenses/by/4.0/,no score,0:05,?,2020-04-00,['']\n\
        103,Mystery,mystery,,birds,Identity unknown,C,1,2,//xeno-canto.org/103,x,XC103.wav,,B,0:05,12:00,2020-04-01,\"[\"\"\"\"]\"\n";
    let in_table = Place::new();
    in_table.write("all.csv", table);
    in_table.sounds(&["audio/XC101-Wren.mp3", "audio/XC103.wav"]);
    let mut all = Vec::new();
    for place in [place_of(V2), place_of(&v3), in_table] {
        let taxonomy = taxonomy(&place, "ebird_taxonomy_v2024.csv", TAXA);
        let listing = read(place.path(), Some(&taxonomy), &none()).unwrap();
        check_rows(&listing);
        assert_eq!((listing.rows(), listing.taken()), (3, 2));
        all.push(listing);
    }
    let [first, others @ ..] = all.as_slice() else { panic!() };
    let plain = |listing: &Listing| -> Vec<_> {
        let strip = |recording: &crate::import::listing::Listed| {
            let mut recording = recording.clone();
            recording.file = PathBuf::new();
            recording
        };
        listing.recordings.iter().map(strip).collect()
    };
    others.iter().for_each(|other| assert_eq!(plain(other), plain(first)));
    assert_eq!(classes(first), ["eurwre"]);
    assert_eq!(counts(first, "rows_of_withheld_files"), [("XC102".to_owned(), 1)]);
    assert_eq!(counts(first, "recordings_without_target").len(), 1);
    let wren = |name: &str| column(first, name)["XC101-Wren"].clone();
    assert_eq!(wren("target_species"), "eurwre");
    assert_eq!((wren("latitude"), wren("longitude")), ("41.5".into(), "-2.25".into()));
    assert_eq!(
        (wren("local_time"), wren("recorded_at")),
        ("2021-05-03T05:30:00".into(), String::new())
    );
    assert_eq!(wren("license"), "CC-BY-NC-SA-4.0");
    assert_eq!(wren("source_url"), "https://xeno-canto.org/101");
    assert_eq!(
        (wren("duration_s"), wren("quality"), wren("recordist")),
        ("3723".into(), "A".into(), "Ana B".into())
    );
    // The tit is heard, but no recording is of one; the warbler is in another genus now, which its name alone does not say.
    assert_eq!(wren("heard"), "eurwre");
    assert_eq!(counts(first, "labels_of_no_class"), [("gretit1".to_owned(), 1)]);
    assert_eq!(
        counts(first, "names_not_in_taxonomy"),
        [("Sylvia communis".to_owned(), 1)]
    );
}

#[test]
fn names_are_those_of_another_list_and_no_birds_are_named_by_themselves() {
    let place = Place::new();
    place.write(
        "x.json",
        r#"[{"id":1,"gen":"Sylvia","sp":"communis","grp":"birds","en":"Greater Whitethroat","date":"?-?-?"},
            {"id":"2","gen":"Prinia","sp":"borealis","grp":"","en":"Boreal Prinia"},
            {"id":"3","gen":"Sylvia","sp":"magna","en":"Greater Whitethroat"},
            {"id":"4","gen":"Gryllus","sp":"campestris","grp":"grasshoppers","en":"Field Cricket"},
            {"id":"5","gen":"Sonus","sp":"naturalis","grp":"soundscape","also":["Parus major"]},
            {"id":"6","gen":"Avis","sp":"rara"},
            {"id":"none","gen":"Avis","sp":"rara"},
            {"id":"7","gen":"Parus","sp":"major"},
            {"id":"4","gen":"Gryllus","sp":"campestris","grp":"grasshoppers"}]"#,
    );
    place.write("notes.json", "{\"a\": 1}");
    place.write("other.csv", "a,b\n1,2\n");
    place.sounds(&[
        "1.mp3",
        "2.mp3",
        "XC3.mp3",
        "4.wav",
        "XC5 - Soundscape.mp3",
        "6.mp3",
        "7.mp3",
        "XC7.wav",
    ]);
    let taxonomy = taxonomy(&place, "t_v2024.csv", TAXA);
    let listing = read(place.path(), Some(&taxonomy), &none()).unwrap();
    check_rows(&listing);
    let target = column(&listing, "target_species");
    assert_eq!(
        target["1"], "grewhi1",
        "the same English name and epithet in another genus"
    );
    assert_eq!(target["2"], "norwar", "another English name");
    assert_eq!(target["XC3"], "", "the same English name, but another epithet");
    assert_eq!(target["4"], "gryllus-campestris");
    assert_eq!((target["XC5 - Soundscape"].as_str(), target["6"].as_str()), ("", ""));
    assert_eq!(classes(&listing), ["grewhi1", "gryllus-campestris", "norwar"]);
    assert_eq!(listing.taxa[1].common_name.as_deref(), Some("Field Cricket"));
    assert_eq!(counts(&listing, "labels_ambiguous").len(), 1);
    assert_eq!(counts(&listing, "names_not_in_taxonomy"), [("Avis rara".to_owned(), 1)]);
    assert_eq!(
        counts(&listing, "rows_with_several_files"),
        [("7.mp3, XC7.wav".to_owned(), 1)]
    );
    assert_eq!(counts(&listing, "rows_repeated").len(), 1);
    assert_eq!(counts(&listing, "rows_not_understood").len(), 1);
    assert_eq!(counts(&listing, "dates_in_part").len(), 1);
    // The taxonomy lies there, too.
    let others: Vec<String> = counts(&listing, "files_of_other_kinds")
        .into_iter()
        .map(|(file, _)| file)
        .collect();
    assert_eq!(others, ["notes.json", "other.csv", "t_v2024.csv"]);

    // Without a taxonomy, all are named by themselves.
    let listing = read(&place.path().join("x.json"), None, &none()).unwrap();
    assert_eq!(column(&listing, "target_species")["1"], "sylvia-communis");
}

#[test]
fn what_is_no_page_is_named() {
    for (name, text, told) in [
        (
            "page.json",
            "{\"recordings\": [{\"id\": \"1\", ",
            "is not JSON: EOF while parsing",
        ),
        ("page.json", "{\"error\": \"client_error\"}", "has no list `recordings`"),
        ("page.csv", "id,genus\n1,Parus\n", "missing column `gen`"),
    ] {
        let place = Place::new();
        let file = place.write(name, text);
        let error = read(&file, None, &none()).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    let place = Place::new();
    place.sounds(&["XC1.mp3"]);
    assert!(
        read(place.path(), None, &none())
            .unwrap_err()
            .to_string()
            .contains("has no page of Xeno-canto's API")
    );
}
