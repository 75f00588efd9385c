//! Links with CUDA where libtorch has it, and records libtorch's version and where it lies, so that nobody needs
//! `LD_LIBRARY_PATH`.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// What tch 0.24 goes with, where libtorch's folder does not say its version.
const TORCH_VERSION: &str = "2.11.0";

/// The version that the wheel (`version.py`) or the plain archive (`build-version`) of libtorch says.
fn torch_version(root: &Path) -> Option<String> {
    let python = fs::read_to_string(root.join("version.py")).ok();
    let python = python.and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("__version__ = "))?;
        Some(line.trim_matches(['\'', '"']).to_owned())
    });
    let plain = || fs::read_to_string(root.join("build-version")).ok();
    python.or_else(plain).map(|version| version.trim().to_owned())
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let root = env::var_os("LIBTORCH").map(PathBuf::from);
    let version = root.as_deref().and_then(torch_version);
    println!(
        "cargo:rustc-env=L48_TORCH_VERSION={}",
        version.as_deref().unwrap_or(TORCH_VERSION)
    );
    let Some(root) = root else {
        return;
    };
    // The links of a program survive the removal of a symbolic link, so the real folder is recorded.
    let lib = root.canonicalize().unwrap_or(root).join("lib");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    if lib.join("libtorch_cuda.so").exists() {
        // Nothing refers to a symbol of libtorch_cuda, so the linker would drop it and with it every GPU.
        println!("cargo:rustc-link-search=native={}", lib.display());
        println!("cargo:rustc-link-arg=-Wl,--no-as-needed");
        println!("cargo:rustc-link-arg=-ltorch_cuda");
        println!("cargo:rustc-link-arg=-ltorch");
        println!("cargo:rustc-link-arg=-Wl,--as-needed");
    }
}
