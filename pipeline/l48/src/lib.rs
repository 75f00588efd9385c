//! What people type: the command line of `l48`, one file a command, and the exit codes the commands end in.

pub mod cli;
pub mod cmd;
