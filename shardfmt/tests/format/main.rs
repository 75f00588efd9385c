//! The format: written and read back, damaged and refused.

mod sample; // a tiny dataset of fixed bytes

mod dataset_shard; // a shard is read as the shard it is, or refused
mod dataset_writer; // what is committed is a dataset
mod errors_dataset; // each error of the tables and of the dataset
mod errors_shard; // each error of a shard
mod golden; // version 1 as it was written
mod heard; // what was heard in recordings
mod hostile; // whatever a file holds
mod hostile_pages; // pages that claim more than they hold
mod implied; // labels that no list names
mod roundtrip; // what is written is read back
mod verify; // every flipped bit is found
