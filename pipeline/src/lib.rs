//! Ingest.

pub mod demo;
