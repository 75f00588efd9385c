//! The `l48-train` program: shards in, a trained model and its measure out.

fn main() -> std::process::ExitCode {
    trainer::cmd::main()
}
