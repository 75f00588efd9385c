//! Provides what hands a committed dataset on to other tools: its boxes for detectors, its description for catalogues.

pub mod coco_detection;
pub mod croissant;
