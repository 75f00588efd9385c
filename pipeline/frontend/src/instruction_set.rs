//! Defines `InstructionSet`, which names what decides how images are rounded.

use std::fmt;

use pulp::Arch;
use serde::{Deserialize, Serialize};

/// What decides how images are rounded on a processor: its family, the vector instructions that our loops use, and
/// those that rustfft plans its transforms for (inside the resampler and some decoders). Images are identical byte for
/// byte where this is the same.
///
/// The name is `FAMILY-OURS/RUSTFFT`, such as `x86_64-sse2/sse4.1`. Where our loops have their best set, rustfft
/// always has its own best too, and the second part is left out: `x86_64-avx2+fma`, `aarch64-neon`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstructionSet(String);

/// Every name there is, and which machines have it. What processors have is from the x86-64 microarchitecture levels of
/// the x86-64 psABI (v2: SSE4.2, v3: AVX2, BMI and FMA) and from the rules by which pulp and rustfft choose.
const KNOWN: [(&str, &str); 6] = [
    (
        "x86_64-avx2+fma",
        "any x86-64 machine of level v3: Intel since Haswell (2013), AMD since Excavator (2015) and Zen; a virtual \
         machine too where its processor model passes AVX2 and FMA on (QEMU: `-cpu host`)",
    ),
    (
        "x86_64-sse2/avx+fma",
        "an x86-64 machine with AVX and FMA but without all of level v3: AMD Piledriver and Steamroller (2012 to 2014)",
    ),
    (
        "x86_64-sse2/sse4.1",
        "an x86-64 machine with SSE4.1 but without FMA: Intel from Penryn to Ivy Bridge (2008 to 2012), or a virtual \
         machine of level v2 (QEMU: `-cpu Nehalem`)",
    ),
    (
        "x86_64-sse2/scalar",
        "an x86-64 machine without SSE4.1, such as a virtual machine with QEMU's default processor",
    ),
    (
        "aarch64-neon",
        "any 64-bit ARM machine: AWS Graviton, Ampere, NVIDIA Grace, Apple",
    ),
    ("aarch64-baseline/scalar", "a 64-bit ARM machine without NEON"),
];

impl InstructionSet {
    /// What this processor has, and this program therefore uses.
    pub fn detect() -> Self {
        Self::of(std::env::consts::ARCH, ours(Arch::new()), rustffts())
    }

    fn of(family: &str, ours: &str, rustffts: &str) -> Self {
        InstructionSet(match (ours, rustffts) {
            ("avx2+fma", "avx+fma") | ("neon", "neon") => format!("{family}-{ours}"),
            _ => format!("{family}-{ours}/{rustffts}"),
        })
    }

    /// The instruction set of this name.
    ///
    /// # Errors
    /// A message that lists the names, for a name that no machine has.
    pub fn named(name: &str) -> Result<Self, String> {
        let here = Self::detect();
        if KNOWN.iter().any(|(known, _)| *known == name) || here.0 == name {
            return Ok(InstructionSet(name.into()));
        }
        let names = KNOWN.map(|(known, _)| known).join(", ");
        Err(format!(
            "no instruction set is called {name:?}; there are {names}; this machine has {here}"
        ))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Which machines have the instruction set of this name, in words.
    pub fn machines(name: &str) -> String {
        let known = KNOWN.iter().find(|(known, _)| *known == name);
        known.map_or_else(
            || "the machine it was planned on".into(),
            |(_, machines)| (*machines).into(),
        )
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What our loops use.
#[cfg(target_arch = "x86_64")]
fn ours(arch: Arch) -> &'static str {
    match arch {
        Arch::V3(_) => "avx2+fma",
        _ => "sse2",
    }
}

/// What our loops use.
#[cfg(target_arch = "aarch64")]
fn ours(arch: Arch) -> &'static str {
    match arch {
        Arch::Scalar => "baseline",
        _ => "neon",
    }
}

/// What our loops use.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn ours(arch: Arch) -> &'static str {
    match arch {
        Arch::Scalar => "baseline",
        #[allow(unreachable_patterns, reason = "some families have no other")]
        _ => "simd",
    }
}

/// What rustfft plans for: each of its planners says whether the processor has what it needs, and its `FftPlanner` takes
/// the first that does, in this order.
fn rustffts() -> &'static str {
    if rustfft::FftPlannerAvx::<f32>::new().is_ok() {
        "avx+fma"
    } else if rustfft::FftPlannerSse::<f32>::new().is_ok() {
        "sse4.1"
    } else if rustfft::FftPlannerNeon::<f32>::new().is_ok() {
        "neon"
    } else {
        "scalar"
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_name_says_both_parts_unless_the_first_implies_the_second() {
        for (family, ours, rustffts, name) in [
            ("x86_64", "avx2+fma", "avx+fma", "x86_64-avx2+fma"),
            ("x86_64", "sse2", "avx+fma", "x86_64-sse2/avx+fma"),
            ("x86_64", "sse2", "sse4.1", "x86_64-sse2/sse4.1"),
            ("x86_64", "sse2", "scalar", "x86_64-sse2/scalar"),
            ("aarch64", "neon", "neon", "aarch64-neon"),
            ("aarch64", "baseline", "scalar", "aarch64-baseline/scalar"),
        ] {
            let set = InstructionSet::of(family, ours, rustffts);
            assert_eq!(set.as_str(), name);
            assert_eq!(InstructionSet::named(name), Ok(set));
            assert!(InstructionSet::machines(name).contains("machine"), "{name}");
        }
    }

    #[test]
    fn this_machines_name_can_be_asked_for_and_others_are_listed() {
        let here = InstructionSet::detect();
        assert_eq!(InstructionSet::named(here.as_str()), Ok(here));
        let error = InstructionSet::named("x86_64-sse2").unwrap_err();
        assert!(
            error.contains("x86_64-sse2/sse4.1") && error.contains("this machine has"),
            "{error}"
        );
    }
}
