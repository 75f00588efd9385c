//! The `l48` program.
fn main() {}
