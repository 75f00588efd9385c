//! Tests of what codes and names become, in both layouts and over two years.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

/// The file for download, with a byte order mark and a column nobody knows.
const DOWNLOAD: &str = "\u{feff}TAXON_ORDER,CATEGORY,SPECIES_CODE,TAXON_CONCEPT_ID,PRIMARY_COM_NAME,SCI_NAME,ORDER,FAMILY,\
    SPECIES_GROUP,REPORT_AS,NEW\n\
    1,species,mallar3,avibase-D8,Mallard,Anas platyrhynchos,Anseriformes,\"Anatidae (Ducks, Geese, and Waterfowl)\",Waterfowl,,x\n\
    2,domestic,mallar2,avibase-D9,Mallard (Domestic type),Anas platyrhynchos (Domestic type),Anseriformes,Anatidae (Ducks),,mallar3,\n\
    3,species,ambduc,avibase-E1,American Black Duck,Anas rubripes,Anseriformes,Anatidae (Ducks),,,\n\
    4,hybrid,x00004,avibase-E2,Mallard x American Black Duck (hybrid),Anas platyrhynchos x rubripes,Anseriformes,Anatidae (Ducks),,,\n\
    5,species,amewig,avibase-E3,American Wigeon,Mareca americana,Anseriformes,Anatidae (Ducks),,,\n\
    6,slash,y00006,avibase-E4,Mallard/American Wigeon,Anas platyrhynchos/Mareca americana,Anseriformes,Anatidae (Ducks),,,\n\
    7,spuh,anas1,avibase-E5,Anas/Mareca sp.,Anas/Mareca sp.,Anseriformes,Anatidae (Ducks),,,\n\
    8,spuh,duck1,avibase-E6,duck sp.,Anatinae sp.,Anseriformes,Anatidae (Ducks),,,\n\
    9,spuh,water1,avibase-E7,waterfowl sp.,Anatidae sp.,Anseriformes,Anatidae (Ducks),,,\n\
    10,species,nhowre1,avibase-F1,Northern House Wren,Troglodytes aedon,Passeriformes,Troglodytidae (Wrens),,,\n\
    11,species,cobsis,avibase-F2,Cobb\u{2019}s Wren,Troglodytes cobbi,Passeriformes,Troglodytidae (Wrens),,,\n\
    12,slash,dup,avibase-F3,Mallard/Nobody,Anas platyrhynchos/nemo,,,,,\n";

/// What the API gives: other names of columns, and no ids of concepts.
const API: &str = "SCIENTIFIC_NAME,COMMON_NAME,SPECIES_CODE,CATEGORY,TAXON_ORDER,COM_NAME_CODES,SCI_NAME_CODES,BANDING_CODES,ORDER,\
    FAMILY_COM_NAME,FAMILY_SCI_NAME,REPORT_AS\n\
    Anas platyrhynchos,Mallard,mallar,species,1,,,MALL,Anseriformes,Ducks,Anatidae,\n\
    Troglodytes aedon,House Wren,houwre,species,2,,,HOWR,Passeriformes,Wrens,Troglodytidae,\n\
    Troglodytes aedon musculus,House Wren (Southern),houwre2,issf,3,,,,Passeriformes,Wrens,Troglodytidae,houwre\n\
    Anas rubripes,American Black Duck,ambduc,species,4,,,ABDU,Anseriformes,Ducks,Anatidae,\n";

fn read(files: &[(&str, &str)]) -> Taxonomy {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
    for (path, (_, text)) in paths.iter().zip(files) {
        std::fs::write(path, text).unwrap();
    }
    Taxonomy::read(&paths).unwrap()
}

fn label<'a>(code: &'a str, scientific: &'a str, common: &'a str) -> Label<'a> {
    let text = |text: &'a str| Some(text).filter(|text| !text.is_empty());
    Label {
        code: text(code),
        concept: None,
        scientific: text(scientific),
        common: text(common),
    }
}

fn species(code: &str, by: By) -> Resolution {
    Resolution::Species { code: code.into(), by }
}

fn members(codes: &[&str]) -> Members {
    Members::Species(codes.iter().map(|&code| code.to_owned()).collect())
}

#[test]
fn codes_and_names_of_one_year() {
    let taxonomy = read(&[("ebird_taxonomy_v2024.csv", DOWNLOAD)]);
    let of = |code, scientific, common, naming| taxonomy.resolve(label(code, scientific, common), naming);
    assert_eq!(of("mallar3", "", "", Naming::Ebird), species("mallar3", By::Code));
    assert_eq!(of("mallar2", "", "", Naming::Ebird), species("mallar3", By::ReportAs));
    assert_eq!(
        of("mallar", "Anas platyrhynchos", "Mallard", Naming::Ebird),
        species("mallar3", By::Renamed)
    );
    assert_eq!(
        of("", "anas platyrhynchos", "", Naming::Ebird),
        species("mallar3", By::Name)
    );
    assert_eq!(
        of("cobswre", "Troglodytes cobbi", "Cobb's Wren", Naming::Ebird),
        species("cobsis", By::Renamed)
    );
    // The scientific name of the species that was split stays with one of its parts.
    let open = |codes: &[&str]| Resolution::Ambiguous(codes.iter().map(|&code| code.to_owned()).collect());
    assert_eq!(
        of("houwre", "Troglodytes aedon", "House Wren", Naming::Ebird),
        open(&["nhowre1"])
    );
    assert_eq!(
        of("", "Troglodytes aedon", "House Wren", Naming::Other),
        species("nhowre1", By::Name)
    );
    assert_eq!(
        of("", "Anas rubripes", "Mallard", Naming::Other),
        open(&["ambduc", "mallar3"])
    );
    // Another genus now.
    assert_eq!(
        of("", "Anas americanus", "American Wigeon", Naming::Other),
        species("amewig", By::Name)
    );
    assert_eq!(
        of("", "Anas acuta", "American Wigeon", Naming::Other),
        open(&["amewig"])
    );
    assert_eq!(of("nobody", "", "", Naming::Ebird), Resolution::Unknown);
    assert_eq!(of("", "", "", Naming::Ebird), Resolution::Unknown);
    let concept = Label {
        concept: Some("avibase-F1"),
        ..label("", "Troglodytes something", "")
    };
    assert_eq!(taxonomy.resolve(concept, Naming::Ebird), species("nhowre1", By::Name));
    assert_eq!(taxonomy.names("amewig"), Some(("American Wigeon", "Mareca americana")));
}

#[test]
fn groups_pairs_and_hybrids_have_members() {
    let taxonomy = read(&[("ebird_taxonomy_v2024.csv", DOWNLOAD)]);
    for (code, category, expected) in [
        ("x00004", "hybrid", members(&["ambduc", "mallar3"])),
        ("y00006", "slash", members(&["amewig", "mallar3"])),
        ("anas1", "spuh", members(&["ambduc", "amewig", "mallar3"])),
        ("water1", "spuh", members(&["ambduc", "amewig", "mallar3"])),
        // No genus, family or order; and a pair with a species that nobody knows.
        ("duck1", "spuh", Members::Any),
        ("dup", "slash", Members::Any),
    ] {
        let category = category.to_owned();
        let expected = Resolution::NotOne {
            category,
            members: expected,
        };
        assert_eq!(taxonomy.resolve(label(code, "", ""), Naming::Ebird), expected, "{code}");
    }
}

#[test]
fn labels_of_an_older_year_become_codes_of_the_newer_one_where_the_concept_is_the_same() {
    // The order of the files does not matter, that of the years does.
    let taxonomy = read(&[("ebird_taxonomy_v2024.csv", DOWNLOAD), ("api-2019.csv", API)]);
    assert_eq!(taxonomy.name(), "eBird taxonomy 2024 (by way of eBird taxonomy 2019)");
    let of = |code| taxonomy.resolve(label(code, "", ""), Naming::Ebird);
    assert_eq!(of("mallar"), species("mallar3", By::Renamed));
    assert_eq!(of("ambduc"), species("ambduc", By::Code));
    assert_eq!(of("mallar3"), species("mallar3", By::Code), "a label of the newer year");
    assert_eq!(of("houwre"), Resolution::Ambiguous(vec!["nhowre1".into()]));
    assert_eq!(
        of("houwre2"),
        Resolution::Ambiguous(vec!["nhowre1".into()]),
        "a form of the species that was split"
    );

    let row = |code: &str, concept: &str, common: &str| {
        format!("1,species,{code},{concept},{common},Anas platyrhynchos,,,,,\n")
    };
    let header = DOWNLOAD.lines().next().unwrap();
    let old = format!(
        "{header}\n{}{}",
        row("mallar", "avibase-D8", "Mallard"),
        row("other", "avibase-Z", "Mexican Duck")
    );
    let new = format!("{header}\n{}", row("mallar3", "avibase-D8", "Green-headed Duck"));
    let taxonomy = read(&[("v2019.csv", &old), ("v2024.csv", &new)]);
    let of = |code| taxonomy.resolve(label(code, "", ""), Naming::Ebird);
    assert_eq!(
        of("mallar"),
        species("mallar3", By::Renamed),
        "the same concept under other names"
    );
    assert_eq!(
        of("other"),
        Resolution::Ambiguous(vec!["mallar3".into()]),
        "another concept under the same name"
    );
}

#[test]
fn mistakes_in_taxonomies_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let api = write("api.csv", API);
    let download = write("v2024.csv", DOWNLOAD);
    for (files, told) in [
        (
            vec![write("t.csv", "CODE,NAME\na,b\n")],
            "missing column `SPECIES_CODE`",
        ),
        (
            vec![write("t2.csv", "SPECIES_CODE,CATEGORY\na,species\n")],
            "neither SCI_NAME",
        ),
        (
            vec![write("t3.csv", &format!("{API}X y,Z,mallar,species,9,,,,,,,\n"))],
            "duplicate SPECIES_CODE (first on line 2)",
        ),
        (vec![api, download.clone()], "has no year in its name"),
        (
            vec![download.clone(), write("t-v2024.csv", DOWNLOAD)],
            "is of the same year as",
        ),
        (vec![folder.path().join("none.csv")], "cannot be read"),
    ] {
        let error = Taxonomy::read(&files).unwrap_err().to_string();
        assert!(error.contains(told), "{told}\n{error}");
    }
}
