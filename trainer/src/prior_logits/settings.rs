//! Defines the settings of priors that are added to logits.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Whose word is added to the logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriorSource {
    /// The geographic model: possible or, where it models the class, not.
    Geo,
    /// The checklist: reported or, where it is complete, not.
    Checklist,
}

impl PriorSource {
    /// Its word in a configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Geo => "geo",
            Self::Checklist => "checklist",
        }
    }
}

/// Where a prior is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddedAt {
    /// To the logits that the loss sees.
    Train,
    /// Where clips are scored: on val and test, and by `predict`.
    Test,
    /// To all of them.
    Both,
}

/// The prior that is added to logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriorLogitsConfig {
    /// Which prior.
    pub from: PriorSource,
    /// Where.
    pub at: AddedAt,
}

impl PriorLogitsConfig {
    /// Whether the loss sees it.
    #[must_use]
    pub fn in_training(&self) -> bool {
        self.at != AddedAt::Test
    }

    /// Whether scores have it.
    #[must_use]
    pub fn in_scores(&self) -> bool {
        self.at != AddedAt::Train
    }

    /// Checks that it goes together with mixing clips with probability `mixup`.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn validate(&self, mixup: f64) -> Result<()> {
        if self.in_training() && mixup > 0.0 {
            let reason = "cannot be added in training beside augment.mixup: two recordings in one clip have two priors; \
                          set at = \"test\", or drop one of them";
            return Err(Error::setting("prior_logits.at", reason));
        }
        Ok(())
    }
}
