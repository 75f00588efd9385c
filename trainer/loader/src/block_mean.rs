//! Provides means over blocks of stored bytes while loading, for a network that would begin with them anyway.

use shardfmt::{ClipSpec, Dtype};

/// Clips of `stored` as means over equal blocks, `height` x `width` of them in each channel; `None` where bytes do not
/// divide into such.
#[must_use]
pub fn block_mean_spec(stored: ClipSpec, height: u32, width: u32) -> Option<ClipSpec> {
    let whole = |size: u32, blocks: u32| blocks > 0 && size > blocks && size.is_multiple_of(blocks);
    let fits = stored.dtype == Dtype::U8 && whole(stored.height, height) && whole(stored.width, width);
    let pooled = ClipSpec {
        dtype: Dtype::F32,
        height,
        width,
        ..stored
    };
    fits.then_some(pooled)
}

/// Writes the means of the bytes of `clip` over blocks as f32 into `into`: see [`block_mean_spec`]. Sums are exact.
pub fn block_means(clip: &[u8], stored: ClipSpec, pooled: ClipSpec, into: &mut [u8]) {
    let [width, rows, columns] =
        [stored.width, stored.height / pooled.height, stored.width / pooled.width].map(|size| size as usize);
    let share = 1.0 / (rows * columns) as f32;
    let mut sums = vec![0_u32; width];
    // Channels follow one another and have whole blocks, so no band of rows crosses into the next one.
    let bands = clip.chunks_exact(width * rows);
    for (band, means) in bands.zip(into.chunks_exact_mut(pooled.width as usize * size_of::<f32>())) {
        sums.fill(0);
        for line in band.chunks_exact(width) {
            for (sum, &value) in sums.iter_mut().zip(line) {
                *sum += u32::from(value);
            }
        }
        for (block, mean) in sums.chunks_exact(columns).zip(means.chunks_exact_mut(size_of::<f32>())) {
            let sum: u32 = block.iter().sum();
            mean.copy_from_slice(&(sum as f32 * share).to_ne_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn means_of_blocks_channel_by_channel() {
        let stored = ClipSpec::new(Dtype::U8, Some(2), 2, 4).unwrap();
        let pooled = block_mean_spec(stored, 1, 2).unwrap();
        let clip = [0, 1, 10, 20, 2, 4, 30, 44, 255, 255, 0, 0, 255, 255, 0, 1];
        let mut into = [0; 16];
        block_means(&clip, stored, pooled, &mut into);
        let means: Vec<f32> = into
            .chunks_exact(4)
            .map(|mean| f32::from_ne_bytes(mean.try_into().unwrap()))
            .collect();
        assert_eq!(means, [1.75, 26.0, 255.0, 0.25]);
    }

    #[test]
    fn only_bytes_in_whole_blocks_have_means() {
        let of = |dtype, height, width| block_mean_spec(ClipSpec::new(dtype, None, height, width).unwrap(), 112, 56);
        assert!(of(Dtype::U8, 448, 448).is_some());
        assert!(of(Dtype::F32, 448, 448).is_none());
        assert!(of(Dtype::U8, 448, 450).is_none());
        assert!(of(Dtype::U8, 64, 64).is_none());
    }
}
