//! Provides what is compared of two datasets before the clips of one may stand in the other: all that decides an image.

use serde_json::json;
use shardfmt::{DatasetHead, Difference, difference};

use crate::error::Result;
use crate::provenance::IMAGE_KEYS;

/// The first difference in what decides the images, with its key and both values.
pub(super) fn image_difference(was: &DatasetHead, is: &DatasetHead) -> Option<String> {
    let of_config = IMAGE_KEYS.iter().flat_map(|key| {
        let value = |info: &DatasetHead| info.config.get(key).cloned().unwrap_or_default();
        difference(key, &value(was), &value(is))
    });
    let meaning = |info: &DatasetHead| json!({ "stored clips": info.clips, "axes": info.axes, "values": info.values });
    let mut all = of_config.chain(difference("", &meaning(was), &meaning(is)));
    all.next().as_ref().map(Difference::to_string)
}

/// A description as it will be once it has been written and read: JSON readers may round the last digit of a number.
pub(super) fn as_read(info: &DatasetHead) -> Result<DatasetHead> {
    let invalid = |error: serde_json::Error| shardfmt::Error::DatasetJson {
        path: shardfmt::entry::DATASET_JSON.into(),
        field: "content",
        reason: error.to_string(),
    };
    let text = serde_json::to_string(info).map_err(invalid)?;
    Ok(serde_json::from_str(&text).map_err(invalid)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn golden() -> DatasetHead {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shardfmt/tests/golden/dataset.json");
        shardfmt::read_dataset_json(&path).unwrap().head
    }

    #[test]
    fn differences_in_images_are_named_and_others_are_not() {
        let mut was = golden();
        was.config = json!({"audio": {"sample_rate_hz": 8000}, "labels": {"completeness": "box"}});
        let mut is = was.clone();
        is.config["labels"]["completeness"] = json!("span");
        assert_eq!(image_difference(&was, &is), None);
        is.config["audio"]["sample_rate_hz"] = json!(4000);
        assert_eq!(
            image_difference(&was, &is).unwrap(),
            "audio.sample_rate_hz was 8000 and is 4000"
        );
        let mut is = was.clone();
        is.values.step = 0.5;
        let step = was.values.step;
        assert_eq!(
            image_difference(&was, &is).unwrap(),
            format!("values.step was {step} and is 0.5")
        );
        is = was.clone();
        is.clips.height += 1;
        assert!(
            image_difference(&was, &is)
                .unwrap()
                .starts_with("stored clips.height was 3")
        );
        assert_eq!(image_difference(&was, &as_read(&was).unwrap()), None);
    }
}
