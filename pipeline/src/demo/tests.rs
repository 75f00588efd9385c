//! Tests of the demo as a whole: quotas, leakage, priors, determinism, restart.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::{DemoOptions, balanced_plan, species::demo_species};

#[test]
fn explore() {
    for n in [60, 90, 120, 240] {
        let mut tries = Vec::new();
        for seed in 0..40 {
            let species = demo_species();
            let mut k = 0;
            loop {
                let plan = super::scene::plan(seed, k, n, &species);
                let shares = super::quota::shares(&plan, &species);
                k += 1;
                if let Some(v) = super::quota::violation(&shares) {
                    if seed < 3 {
                        println!("{n} {v}");
                    }
                } else {
                    break;
                }
                if k > 60 {
                    break;
                }
            }
            tries.push(k);
        }
        println!("{n}: {tries:?}");
    }
    let (plan, shares) = balanced_plan(&DemoOptions::default(), &demo_species()).unwrap();
    let clips: usize = plan.recordings.iter().map(|r| r.clips()).sum();
    println!("clips {clips} {:#.3?}", shares);
}
