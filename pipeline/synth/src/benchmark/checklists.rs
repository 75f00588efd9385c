//! Provides the mistakes of the benchmark's checklists: species that were overlooked, and ones that were left open.

use std::collections::BTreeSet;

use rand::RngExt;

use crate::conditions::Conditions;
use crate::planned::SetPlan;
use crate::seeding::{Draw, keyed};

/// Leaves species out of the checklists, and leaves some of those not reported open.
///
/// A target is always reported: the recordist was after it. What is left open is drawn without a look at the truth, so
/// an overlooked species may be left open too, and is then no false absence.
pub(super) fn make_mistakes(plan: &mut SetPlan, species: usize, conditions: &Conditions, seed: u64) {
    let (mut recorded, mut targets) = (
        vec![BTreeSet::new(); plan.visits.len()],
        vec![BTreeSet::new(); plan.visits.len()],
    );
    for recording in &plan.recordings {
        recorded[recording.visit].extend(recording.classes());
        targets[recording.visit].insert(recording.target);
    }
    for (index, visit) in plan.visits.iter_mut().enumerate() {
        let Some(checklist) = &mut visit.checklist else {
            continue;
        };
        let mut rng = keyed(seed, Draw::Checklists, index as u64);
        for class in recorded[index].difference(&targets[index]) {
            if rng.random_bool(conditions.false_absences) {
                checklist.observed.remove(class);
            }
        }
        let unreported = (0..species).filter(|class| !checklist.observed.contains(class));
        checklist.unsure = unreported
            .filter(|_| rng.random_bool(conditions.unsure_species))
            .collect();
    }
}
