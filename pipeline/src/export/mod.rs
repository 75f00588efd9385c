//! Provides what hands a committed dataset on to other tools: its boxes for detectors, its description for catalogues.

mod coco_categories;
pub mod coco_detection;
pub mod croissant;
