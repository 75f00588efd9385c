"""Labels of a dataset's clips, with and without implied labels (shardfmt/README.md, section 4.6). Needs pyarrow."""
import glob, json, os
import pyarrow.parquet as pq

KNOWN_FEATURES = {"implied_labels"}

def label_of(species, clip, prior):
    """"present", "absent" or "unknown"; `clip` is a row of a label table, `prior` the row of its recording, both dicts.

    `species` has to be a code of taxa.parquet, which is not checked here."""
    for label in ("present", "absent", "unknown"):
        if species in clip[label]:
            return label
    others = clip.get("others") or "unknown"
    if others != "prior":
        return others
    possible, modelled = prior["geo_possible"], prior["geo_modelled"]
    ruled_out = possible is not None and species not in possible and (modelled is None or species in modelled)
    return "absent" if ruled_out else "unknown"

def is_absent(species, clip, prior):
    """Whether `species` is known to be absent from `clip`."""
    return label_of(species, clip, prior) == "absent"

def features_of(folder):
    """Features of the dataset in `folder`, those that a reader may ignore included."""
    with open(os.path.join(folder, "dataset.json"), encoding="utf-8") as file:
        info = json.load(file)
    unknown = set(info["features_required"]) - KNOWN_FEATURES
    if unknown:
        raise ValueError(f"{folder} requires features that this reader does not know: {sorted(unknown)}")
    return set(info["features_required"]) | set(info.get("features_optional", ()))

def heard(folder):
    """Codes of the species heard anywhere in each recording, by asset_id; None where nobody said (section 4.7)."""
    of_asset = {}
    says = "heard" in features_of(folder)
    for assets in sorted(glob.glob(os.path.join(folder, "assets", "*.parquet"))):
        rows = pq.read_table(assets).to_pylist()
        of_asset.update({row["asset_id"]: row["heard"] if says else None for row in rows})
    return of_asset

def clips(folder):
    """Every clip of the dataset in `folder` with the prior of its recording, shard by shard."""
    features = features_of(folder)
    for labels in sorted(glob.glob(os.path.join(folder, "labels", "*.parquet"))):
        priors = pq.read_table(os.path.join(folder, "priors", os.path.basename(labels)))
        of_asset = {row["asset_id"]: row for row in priors.to_pylist()}
        for row in pq.read_table(labels).to_pylist():
            if "implied_labels" not in features:
                row.pop("others", None)  # a column of this name has no meaning without the feature
            if "heard" not in features:
                row.pop("from_recording", None)
            yield row, of_asset[row["asset_id"]]
