//! The `l48-train` program.
use std::process::ExitCode;

fn main() -> ExitCode {
    let _ = tch::Cuda::is_available();
    ExitCode::SUCCESS
}
