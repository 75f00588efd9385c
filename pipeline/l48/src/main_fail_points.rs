//! The `l48` program for tests that kill it at write boundaries (`shardfmt::fail_point`).

fn main() -> std::process::ExitCode {
    l48::cmd::main()
}
