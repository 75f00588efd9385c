//! Defines named tensors, in which the parts of a run save their state, and their strict restoration.

use tch::Tensor;

use crate::error::{Error, Result};

/// A tensor under the name it is saved by.
pub type Named = (String, Tensor);

/// Copies `source` into `targets`, name by name, in place; other kinds and devices are converted.
///
/// Nothing is written unless everything fits. `of` says in errors whose state it is.
///
/// # Errors
/// [`Error::State`] with every missing, unexpected and differently shaped tensor.
pub fn adopt(of: &str, targets: &[Named], source: &[Named]) -> Result<()> {
    let find = |name: &str, list: &[Named]| {
        list.iter()
            .find(|(other, _)| other == name)
            .map(|(_, t)| t.shallow_clone())
    };
    let (mut missing, mut other_shape, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
    for (name, target) in targets {
        match find(name, source) {
            None => missing.push(name.clone()),
            Some(tensor) if tensor.size() != target.size() => {
                other_shape.push(format!("{name} {:?} instead of {:?}", tensor.size(), target.size()));
            }
            Some(tensor) => pairs.push((target.shallow_clone(), tensor)),
        }
    }
    let unexpected: Vec<_> = source
        .iter()
        .map(|(name, _)| name.clone())
        .filter(|name| find(name, targets).is_none())
        .collect();
    if !(missing.is_empty() && unexpected.is_empty() && other_shape.is_empty()) {
        return Err(Error::State {
            of: of.to_owned(),
            missing,
            unexpected,
            other_shape,
        });
    }
    tch::no_grad(|| {
        pairs
            .iter_mut()
            .try_for_each(|(target, tensor)| Ok(target.f_copy_(tensor)?))
    })
}

/// Copies of `tensors` that later changes do not reach, contiguous, on the CPU, as files and snapshots want them.
///
/// # Errors
/// Errors of libtorch, such as a lack of memory.
pub fn snapshot(tensors: &[Named]) -> Result<Vec<Named>> {
    let cpu = (tch::Device::Cpu, false, true);
    let copied = |tensor: &Tensor| -> Result<Tensor> {
        Ok(tensor
            .f_detach()?
            .f_to_device_(cpu.0, tensor.f_kind()?, cpu.1, cpu.2)?
            .f_contiguous()?)
    };
    tensors
        .iter()
        .map(|(name, tensor)| Ok((name.clone(), copied(tensor)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn named(name: &str, values: &[f32]) -> Named {
        (name.to_owned(), Tensor::from_slice(values))
    }

    #[test]
    fn every_mismatch_is_named_and_nothing_written() {
        let targets = [named("a", &[1.0]), named("b", &[1.0, 2.0]), named("c", &[3.0])];
        let source = [named("a", &[9.0]), named("b", &[9.0]), named("d", &[9.0])];
        let message = adopt("model", &targets, &source).unwrap_err().to_string();
        for part in ["model", "missing: c", "unexpected: d", "b [1] instead of [2]"] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(targets[0].1.double_value(&[0]), 1.0);
    }

    #[test]
    fn snapshots_do_not_follow() {
        let mut original = named("a", &[1.0]);
        let copy = snapshot(std::slice::from_ref(&original)).unwrap();
        let _ = original.1.fill_(5.0);
        assert_eq!(copy[0].1.double_value(&[0]), 1.0);
        adopt("test", std::slice::from_ref(&original), &copy).unwrap();
        assert_eq!(original.1.double_value(&[0]), 1.0);
    }
}
