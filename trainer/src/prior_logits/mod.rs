//! Adds priors to logits: what the geographic model or the checklist of a recording says of a class, as log-odds that are
//! fitted on val.
//!
//! Of a class a prior says one of three things: it is named, it is not (where the prior speaks of it), or nothing. With n
//! and m the known positives and negatives of val, in all and in one of the first two cases,
//!
//! ```text
//! b_s = ln((n_s + 1/2)/(m_s + 1/2)) - ln((n + 1/2)/(m + 1/2)),   z' = z + w b_s
//! ```
//!
//! In training w is 1, as in logit adjustment (Menon et al. 2021, arXiv 2007.07314), where the log-odds of a class stand
//! in the place of `b_s`: what the prior explains, the network need not. Where clips are scored, w is fitted on val.

mod offsets;
mod settings;
mod stated;
mod training;

pub use offsets::{AddedPrior, PriorOffsets};
pub use settings::{AddedAt, PriorLogitsConfig, PriorSource};
pub use stated::Stated;
pub use training::TrainingPrior;
