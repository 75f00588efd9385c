//! The `l48-train` program for tests that kill it at write boundaries (`shardfmt::fail_point`).

fn main() -> std::process::ExitCode {
    trainer::cmd::main()
}
