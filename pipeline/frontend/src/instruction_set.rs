//! Defines `InstructionSet`, which names what decides how images are rounded.

use std::fmt;

use pulp::Arch;
use serde::{Deserialize, Serialize};

/// A processor family and the vector instructions in use, such as `x86_64-avx2+fma`. Images are identical byte for
/// byte only where this is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstructionSet(String);

impl InstructionSet {
    /// What this processor has, and this program therefore uses.
    pub fn detect() -> Self {
        let family = std::env::consts::ARCH;
        InstructionSet(format!("{family}-{}", vector_extension(Arch::new())))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(target_arch = "x86_64")]
fn vector_extension(arch: Arch) -> &'static str {
    match arch {
        Arch::V3(_) => "avx2+fma",
        _ => "sse2",
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn vector_extension(arch: Arch) -> &'static str {
    if matches!(arch, Arch::Scalar) {
        "baseline"
    } else {
        "simd"
    }
}
