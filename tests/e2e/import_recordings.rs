//! Tests `l48 import` of published tables of recordings and `l48 priors`, through to the labels of the dataset that is
//! built of what they write.

use serde_json::Value;

use crate::dataset_rows::{asset, clips_of, codes, open, priors};
use crate::program::l48;
use crate::recordings::{RATE_HZ, Workplace, noise};

const TAXONOMY: &str = "\u{feff}TAXON_ORDER,CATEGORY,SPECIES_CODE,TAXON_CONCEPT_ID,PRIMARY_COM_NAME,SCI_NAME,ORDER,FAMILY,\
    SPECIES_GROUP,REPORT_AS\n\
    1,species,grekis,a-1,Great Kiskadee,Pitangus sulphuratus,Passeriformes,Tyrannidae (Flycatchers),,\n\
    2,species,mallar3,a-2,Mallard,Anas platyrhynchos,Anseriformes,Anatidae (Ducks),,\n\
    3,species,amekes,a-3,American Kestrel,Falco sparverius,Falconiformes,Falconidae (Falcons),,\n\
    4,slash,y1,a-4,kestrel/duck,Falco sparverius/Anas platyrhynchos,,,,\n";

/// A set in the layout of BirdCLEF 2025 with a retired code, soundscapes as of 2026 beside it, and a row too many.
fn set() -> Workplace {
    let place = Workplace::new();
    place.write(
        "set/train.csv",
        "primary_label,secondary_labels,type,filename,collection,rating,url,latitude,longitude,scientific_name,common_name,author,\
         license\n\
         grekis,\"['amekes', 'nobird1']\",\"['song']\",grekis/XC1.ogg,XC,4.5,https://xeno-canto.org/1,-3.5,-60.25,\
         Pitangus sulphuratus,Great Kiskadee,Ana,cc-by-nc-sa 4.0\n\
         mallar,[''],[''],mallar/iNat2.ogg,iNat,0.0,https://example.org/2,,,Anas platyrhynchos,Mallard,Bo,cc-by 4.0\n\
         1139490,\"['']\",\"['']\",1139490/CSA3.ogg,CSA,0.0,https://example.org/3,7.3,-73.9,Ragoniella pulchella,\
         Ragoniella pulchella,Cy,cc0 1.0\n\
         grekis,[],[],grekis/gone.ogg,XC,1.0,,,,Pitangus sulphuratus,Great Kiskadee,Di,cc-by 4.0\n",
    );
    place.write(
        "set/taxonomy.csv",
        "primary_label,inat_taxon_id,scientific_name,common_name,class_name\n\
         1139490,1139490,Ragoniella pulchella,Ragoniella pulchella,Insecta\n\
         amekes,1,Falco sparverius,American Kestrel,Aves\n\
         grekis,2,Pitangus sulphuratus,Great Kiskadee,Aves\n\
         mallar,3,Anas platyrhynchos,Mallard,Aves\n",
    );
    place.write(
        "set/train_soundscapes_labels.csv",
        "filename,start,end,primary_label\n\
         S1.ogg,00:00:00,00:00:05,grekis;1139490\nS1.ogg,00:00:05,00:00:10,nocall\nS1.ogg,00:00:00,00:00:05,grekis;1139490\n",
    );
    // What is in a file decides, not its name.
    for (name, seconds, seed) in [
        ("grekis/XC1", 4.0, 1),
        ("mallar/iNat2", 12.0, 2),
        ("1139490/CSA3", 4.5, 3),
    ] {
        place.wav(
            &format!("set/train_audio/{name}.ogg"),
            RATE_HZ,
            1,
            &noise(RATE_HZ, seconds, seed),
        );
    }
    place.wav("set/train_soundscapes/S1.ogg", RATE_HZ, 1, &noise(RATE_HZ, 15.0, 4));
    place.write("ebird_taxonomy_v2024.csv", TAXONOMY);
    place
}

/// The asset ids by the names of their files.
fn id(place: &Workplace, stem: &str) -> i64 {
    let table = place.read("tables/recordings.csv");
    let row = table
        .lines()
        .find(|line| line.contains(&format!("/{stem}.ogg,")))
        .unwrap();
    row.split(',').next().unwrap().parse().unwrap()
}

#[test]
fn a_published_set_becomes_tables_a_dataset_and_counts() {
    let place = set();
    let (src, out, taxonomy) = (
        place.path("set"),
        place.path("tables"),
        place.path("ebird_taxonomy_v2024.csv"),
    );
    l48!("import", "birdclef", &src, "--out", &out, "--taxonomy", &taxonomy)
        .expect(1)
        .prints("7 rows read, 5 taken, 2 left out")
        .prints("4 recordings: ")
        .prints("labels were looked up in the eBird taxonomy 2024")
        .complains("1 row names a recording that is not in the folder")
        .complains("mallar (Mallard, Anas platyrhynchos) -> mallar3")
        .complains("nobird1");
    let report = place.read("tables/import.txt");
    assert!(
        report.contains("grekis/gone.ogg") && report.contains("1 labelled window is listed again"),
        "{report}"
    );
    // A second time, nothing is written over.
    l48!("import", "birdclef", &src, "--out", &out)
        .expect(2)
        .complains("exists already");

    let dataset = place.path("dataset");
    l48!("build", out.join("manifest.toml"), "--out", &dataset).expect(0);
    let built = open(&dataset);
    assert_eq!(codes(&built, &[0, 1, 2, 3]), "1139490 amekes grekis mallar3");
    let kiskadee = asset(&built, id(&place, "XC1"));
    assert_eq!(codes(&built, &kiskadee.heard.clone().unwrap()), "amekes grekis");
    assert_eq!(codes(&built, kiskadee.target.as_slice()), "grekis");
    assert_eq!(kiskadee.license.as_deref(), Some("CC-BY-NC-SA-4.0"));
    assert_eq!(kiskadee.source_url.as_deref(), Some("https://xeno-canto.org/1"));
    // Windows of the soundscape are its clips: what is named is present, the rest is absent; behind them nothing is known.
    let clips = clips_of(&built, id(&place, "S1"));
    let shown: Vec<[String; 3]> = clips
        .iter()
        .map(|clip| [&clip.present, &clip.absent, &clip.unknown].map(|list| codes(&built, list)))
        .collect();
    assert_eq!(
        shown,
        [
            ["1139490 grekis", "amekes mallar3", ""],
            ["", "1139490 amekes grekis mallar3", ""],
            ["", "", "1139490 amekes grekis mallar3"],
        ]
    );
    // Of a recording of several clips, nobody knows which one has the species.
    let clips = clips_of(&built, id(&place, "iNat2"));
    assert!(
        clips.len() == 3 && clips.iter().all(|clip| clip.present.is_empty()),
        "{clips:?}"
    );
    let stats: Value = l48!("stats", &dataset, "--json").expect(0).json();
    let total = stats["splits"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&total["assets"], &total["with_heard"]),
        (&Value::from(4), &Value::from(3))
    );
}

#[test]
fn priors_of_checklists_and_scores_rule_out_what_is_certain() {
    let place = set();
    let (out, taxonomy) = (place.path("tables"), place.path("ebird_taxonomy_v2024.csv"));
    l48!(
        "import",
        "birdclef",
        place.path("set"),
        "--out",
        &out,
        "--taxonomy",
        &taxonomy
    )
    .expect(1);
    // A person names the checklist of a recording.
    let table = place.read("tables/recordings.csv");
    let rows: Vec<String> = (0..)
        .zip(table.lines())
        .map(|(number, line)| match number {
            0 => format!("{line},checklist_id"),
            _ if line.contains("/XC1.ogg,") => format!("{line},S1"),
            _ => format!("{line},"),
        })
        .collect();
    place.write("tables/recordings.csv", &(rows.join("\n") + "\n"));
    place.write(
        "ebd.txt",
        "TAXON CONCEPT ID\tCATEGORY\tCOMMON NAME\tSCIENTIFIC NAME\tSAMPLING EVENT IDENTIFIER\tALL SPECIES REPORTED\t\
         GROUP IDENTIFIER\t\n\
         a-1\tspecies\tGreat Kiskadee\tPitangus sulphuratus\tS1\t1\t\t\n\
         a-2\tspecies\tMallard\tAnas platyrhynchos\tS2\t1\t\t\n\
         a-3\tspecies\tAmerican Kestrel\tFalco sparverius\tS1\t1\t\t\n",
    );
    let recordings = out.join("recordings.csv");
    let ebd = place.path("ebd.txt");
    l48!(
        "priors",
        "ebd",
        "--observations",
        &ebd,
        "--taxonomy",
        &taxonomy,
        "--recordings",
        &recordings,
        "--out",
        &out
    )
    .expect(0)
    .prints("1 checklists named by recordings, 1 found, 1 complete")
    .complains("1 class is in no observation of the whole file, so no checklist says that it is absent: 1139490 (1)");
    assert_eq!(
        place.read("tables/checklist_prior.csv"),
        "checklist_id,observed_species,unsure_species,all_species_reported\nS1,amekes;grekis,1139490,1\n"
    );
    place.write(
        "scores.csv",
        "latitude,longitude,week,species_code,score\n-3.4,-60.2,-1,grekis,0.9\n-3.4,-60.2,-1,amekes,0.5\n",
    );
    place.write("modelled.txt", "grekis\namekes\nmallar3\n");
    let scores = place.path("scores.csv");
    l48!(
        "priors",
        "scores",
        &scores,
        "--threshold",
        "0.03",
        "--modelled",
        place.path("modelled.txt"),
        "--recordings",
        &recordings,
        "--out",
        place.path("geo")
    )
    .expect(0)
    .complains("1 class is not on the list of modelled species and stays unknown: 1139490 (1)");
    let of_xc1 = id(&place, "XC1");
    assert_eq!(
        place.read("geo/geo_prior.csv"),
        format!("asset_id,possible_species,modelled_species\n{of_xc1},amekes;grekis,amekes;grekis;mallar3\n")
    );
    place.edit(
        "tables/manifest.toml",
        "# geo_prior = \"geo_prior.csv\"  ",
        "geo_prior = \"../geo/geo_prior.csv\"  ",
    );
    place.edit("tables/manifest.toml", "# checklist_prior = ", "checklist_prior = ");
    let dataset = place.path("dataset");
    l48!("build", out.join("manifest.toml"), "--out", &dataset).expect(0);
    let built = open(&dataset);
    let prior = priors(&built)
        .into_iter()
        .find(|prior| prior.asset_id == of_xc1)
        .unwrap();
    // What the list leaves open is not ruled out by it.
    assert_eq!(
        codes(&built, &prior.checklist_observed.unwrap()),
        "1139490 amekes grekis"
    );
    assert_eq!(prior.checklist_complete, Some(true));
    let clip = clips_of(&built, of_xc1).remove(0);
    assert_eq!(codes(&built, &clip.absent), "mallar3", "by the geographic prior");
}
