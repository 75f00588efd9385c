//! The `l48` program: recordings in, a committed dataset of shards and sidecars out.

fn main() -> std::process::ExitCode {
    l48::cmd::main(std::env::args_os()).into()
}
