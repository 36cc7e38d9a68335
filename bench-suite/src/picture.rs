//! Pictures for networks of any kind: of the zoo, or from a file that knows nothing of this project.

use std::path::Path;

use piquet_nn_ops::model::{Shape, TensorF32, View};

use crate::cli::Failure;
use crate::image::{self, Pixels};
use crate::npy;
use crate::zoo;

/// How a network takes square pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    batch: usize,
    channels: usize,
    size: usize,
    /// Channels are the last dimension, as TensorFlow has it.
    channels_last: bool,
}

impl Layout {
    /// `None` if this is no shape of square pictures in grey or in colour.
    fn of(shape: &Shape) -> Option<Self> {
        let layout = |batch, channels, [h, w]: [usize; 2], channels_last| {
            let fits = h == w && matches!(channels, 1 | 3);
            fits.then_some(Self {
                batch,
                channels,
                size: h,
                channels_last,
            })
        };
        match shape.dims() {
            [n, c, h, w] => {
                layout(*n, *c, [*h, *w], false).or_else(|| layout(*n, *w, [*c, *h], true))
            }
            [n, h, w] => layout(*n, 1, [*h, *w], false),
            _ => None,
        }
    }

    /// One picture, of shape 1xCxHxW, in each place of the batch.
    fn arrange(self, shape: &Shape, picture: &TensorF32) -> Result<TensorF32, Failure> {
        let one = match self.channels_last {
            false => picture.data().to_vec(),
            true => {
                let dims = picture.shape().dims();
                let view = View::transpose(dims, &[0, 2, 3, 1]);
                view.apply(picture)?.into_data()
            }
        };
        Ok(TensorF32::new(shape.clone(), one.repeat(self.batch))?)
    }
}

/// Reads an NPY file as it is, or a PNG or JPEG as this shape asks for.
pub fn load(path: &Path, shape: &Shape, pixels: Pixels) -> Result<TensorF32, Failure> {
    let array = path.extension();
    if array.is_some_and(|e| e.eq_ignore_ascii_case("npy")) {
        return Ok(npy::load(path, shape)?);
    }
    let layout = Layout::of(shape).ok_or_else(|| {
        format!(
            "{}: the network takes {shape}, no square picture: give an NPY file of that shape",
            path.display()
        )
    })?;
    let picture = image::load_as(path, [layout.channels, layout.size], pixels)?;
    layout.arrange(shape, &picture)
}

/// The photograph that comes with Piquet.
pub fn photograph(shape: &Shape, pixels: Pixels) -> Result<TensorF32, Failure> {
    let layout = Layout::of(shape).ok_or_else(|| {
        format!(
            "the network takes {shape}, no square picture: give its input with --input FILE.npy"
        )
    })?;
    let picture = image::photograph_as([layout.channels, layout.size], pixels)?;
    layout.arrange(shape, &picture)
}

/// What a network is calibrated on where nobody says what it is for: the photograph and a mosaic of random colours, or
/// noise if it takes no pictures.
pub fn samples(shape: &Shape, pixels: Pixels, seed: u64) -> Result<Vec<TensorF32>, Failure> {
    match Layout::of(shape) {
        Some(layout) => zoo::pictures(seed, [layout.channels, layout.size], pixels)?
            .iter()
            .map(|picture| layout.arrange(shape, picture))
            .collect(),
        None => Ok(vec![zoo::noise(seed, shape)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_come_in_the_order_that_is_asked_for() {
        let first = Shape::nchw(2, 3, 8, 8).unwrap();
        let last = Shape::new(&[2, 8, 8, 3]).unwrap();
        let a = photograph(&first, Pixels::Unit).unwrap();
        let b = photograph(&last, Pixels::Unit).unwrap();
        for c in 0..3 {
            for p in 0..64 {
                assert_eq!(a.data()[c * 64 + p], b.data()[p * 3 + c]);
            }
        }
        assert_eq!(a.data()[..192], a.data()[192..]);
        let grey = photograph(&Shape::new(&[1, 8, 8]).unwrap(), Pixels::Raw).unwrap();
        assert!(grey.range().1 > 1.0);
    }

    #[test]
    fn what_takes_no_pictures_takes_arrays() {
        let shape = Shape::new(&[1, 784]).unwrap();
        let e = photograph(&shape, Pixels::Unit).unwrap_err().to_string();
        assert!(e.contains("1x784") && e.contains("--input"), "{e}");
        let e = load(Path::new("a.png"), &shape, Pixels::Unit).unwrap_err();
        assert!(e.to_string().contains("a.png"), "{e}");
        assert_eq!(samples(&shape, Pixels::Unit, 1).unwrap().len(), 1);
        let seven = Shape::nchw(1, 7, 8, 8).unwrap();
        assert!(photograph(&seven, Pixels::Unit).is_err());
    }
}
