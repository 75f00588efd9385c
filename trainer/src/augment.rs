//! Defines augmentation on the device.
use crate::error::Result;
use serde::{Deserialize, Serialize};
use tch::Tensor;
/// temp
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AugmentConfig {}
impl AugmentConfig {
    /// temp
    pub fn validate(&self) -> Result<()> {
        Ok(())
    }
}
/// temp
#[derive(Debug)]
pub struct Augmentation {}
impl Augmentation {
    /// temp
    pub fn new(_: &AugmentConfig, _: &shardfmt::DatasetInfo, _: u64) -> Result<Option<Self>> {
        Ok(None)
    }
    /// temp
    pub fn apply(
        &self,
        a: Tensor,
        b: Tensor,
        c: Tensor,
        _: &crate::loader::Loaded,
        _: u32,
    ) -> Result<(Tensor, Tensor, Tensor)> {
        Ok((a, b, c))
    }
}
