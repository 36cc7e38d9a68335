//! What is left off the end of a network because it is cheap in the clear and dear in shares.

use crate::model::TensorF32;

/// What remains to be done to the opened result. It changes neither the order of the classes nor what is revealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Ending {
    /// Nothing.
    #[default]
    None,
    /// Probabilities: exponentials over their sum, along axis 1.
    Softmax,
    /// Their logarithms.
    LogSoftmax,
    /// Probabilities along the last axis.
    SoftmaxOfRows,
    /// Their logarithms.
    LogSoftmaxOfRows,
}

impl Ending {
    /// The result that the whole network gives.
    #[must_use]
    pub fn apply(&self, mut logits: TensorF32) -> TensorF32 {
        if matches!(self, Self::None) {
            return logits;
        }
        let [mut batch, mut channels, h, w] = logits.shape().as_nchw();
        let (mut pixels, elements) = (h * w, logits.shape().elements());
        if matches!(self, Self::SoftmaxOfRows | Self::LogSoftmaxOfRows) {
            (channels, pixels) = (logits.shape().last(), 1);
            batch = elements / channels;
        }
        let data = logits.data_mut();
        for image in data.chunks_exact_mut(channels * pixels).take(batch) {
            for p in 0..pixels {
                let column = || image.iter().skip(p).step_by(pixels);
                let most = column().fold(f32::NEG_INFINITY, |m, v| m.max(*v));
                let sum: f32 = column().map(|v| (v - most).exp()).sum();
                for v in image.iter_mut().skip(p).step_by(pixels) {
                    *v = match self {
                        Self::LogSoftmax | Self::LogSoftmaxOfRows => *v - most - sum.ln(),
                        _ => (*v - most).exp() / sum,
                    };
                }
            }
        }
        logits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Shape, Tensor};

    #[test]
    fn softmax_is_along_the_channels() {
        let shape = Shape::nchw(1, 2, 1, 2).unwrap();
        let x = Tensor::new(shape, vec![0.0, 1000.0, 0.0, 1000.0 + 3f32.ln()]).unwrap();
        let y = Ending::Softmax.apply(x.clone());
        let l = Ending::LogSoftmax.apply(x.clone());
        for ((y, l), want) in y.data().iter().zip(l.data()).zip([0.5, 0.25, 0.5, 0.75f32]) {
            assert!(
                (y - want).abs() < 1e-4 && (l - want.ln()).abs() < 1e-4,
                "{y} {l}"
            );
        }
        assert_eq!(Ending::None.apply(x.clone()), x);
        let rows = Ending::SoftmaxOfRows.apply(x);
        assert_eq!(rows.data(), [0.0, 1.0, 0.0, 1.0]);
    }
}
