//! From a picture to the input of a network.
//!
//! In three channels, as torchvision's evaluation transform for ImageNet does it: the shorter side to 256 by antialiased
//! bilinear interpolation, the centre 224x224, channels to \[0, 1\], normalised. In one, as networks for handwritten
//! digits take it: the shorter side to the network's, the centre, grey in \[0, 1\], 1 being white.

use clap::ValueEnum;
use image::{DynamicImage, GenericImageView, ImageFormat, ImageReader, Limits, imageops};
use piquet_nn_ops::model::{ModelError, Shape, TensorF32};
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// Mean of ImageNet, by channel.
pub const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Standard deviation of ImageNet, by channel.
pub const STD: [f32; 3] = [0.229, 0.224, 0.225];

const MAX_SIDE: u32 = 1 << 14;
const MAX_FILE: u64 = 256 << 20;
const MAX_ASPECT: u32 = 16;
const PHOTOGRAPH: &[u8] = include_bytes!("../data/chelsea.png");

/// Why a file cannot be the input, or the output cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The file cannot be opened, read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// The file is larger than any input.
    #[error("{path}: {bytes} bytes, and {max} at most", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// The file is no picture that can be read.
    #[error("{path}: neither a PNG nor a JPEG that can be read: {reason}", path = path.display())]
    NotAnImage {
        /// The file.
        path: PathBuf,
        /// The decoder's message.
        reason: String,
    },
    /// The picture is too narrow.
    #[error("{path}: {width}x{height} pixels are too narrow for a square picture", path = path.display())]
    Narrow {
        /// The file.
        path: PathBuf,
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
    /// The file is no NPY array that can be read.
    #[error("{path}: not an NPY array that can be read: {reason}", path = path.display())]
    NotAnArray {
        /// The file.
        path: PathBuf,
        /// The parser's message.
        reason: String,
    },
    /// The file is no text of tokens that the network takes.
    #[error("{path}: not the tokens of a text: {reason}", path = path.display())]
    NotTokens {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The network takes no pictures.
    #[error("{path}: a picture has one channel or three, and the network wants {channels}", path = path.display())]
    Channels {
        /// The file.
        path: PathBuf,
        /// Channels of the network's input.
        channels: usize,
    },
    /// The array is of another kind than the network takes.
    #[error("{path}: an array of {found}, and {wanted} is wanted", path = path.display())]
    WrongArray {
        /// The file.
        path: PathBuf,
        /// Type and shape found.
        found: String,
        /// Type and shape wanted.
        wanted: String,
    },
    /// The tensor cannot be.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Reads a PNG or JPEG, told apart by content, as a tensor of shape 1x3x`size`x`size`.
pub fn load(path: &Path, size: usize) -> Result<TensorF32, InputError> {
    load_as(path, [3, size], Pixels::Imagenet)
}

/// The same in one channel or three: a tensor of shape 1x`channels`x`size`x`size`.
pub fn load_as(
    path: &Path,
    [channels, size]: [usize; 2],
    pixels: Pixels,
) -> Result<TensorF32, InputError> {
    let picture = decode(path, &read(path)?)?;
    preprocess(&picture, path, [channels, size], pixels)
}

/// The photograph that comes with Piquet, as a tensor of shape 1x3x`size`x`size`.
pub fn photograph(size: usize) -> Result<TensorF32, InputError> {
    photograph_as([3, size], Pixels::Imagenet)
}

/// The same in one channel or three: a tensor of shape 1x`channels`x`size`x`size`.
pub fn photograph_as(
    [channels, size]: [usize; 2],
    pixels: Pixels,
) -> Result<TensorF32, InputError> {
    let name = Path::new("chelsea.png");
    let picture = decode(name, PHOTOGRAPH)?;
    preprocess(&picture, name, [channels, size], pixels)
}

/// The whole file, if it is not too large.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, InputError> {
    let io = |source| InputError::Io {
        path: path.to_owned(),
        source,
    };
    let bytes = std::fs::metadata(path).map_err(io)?.len();
    if bytes > MAX_FILE {
        return Err(InputError::TooLarge {
            path: path.to_owned(),
            bytes,
            max: MAX_FILE,
        });
    }
    std::fs::read(path).map_err(io)
}

pub(crate) fn decode(path: &Path, bytes: &[u8]) -> Result<DynamicImage, InputError> {
    let refuse = |reason: String| InputError::NotAnImage {
        path: path.to_owned(),
        reason,
    };
    let format = image::guess_format(bytes).map_err(|e| refuse(e.to_string()))?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg) {
        return Err(refuse(format!("it looks like {format:?}")));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(1 << 30);
    reader.limits(limits);
    reader.decode().map_err(|e| refuse(e.to_string()))
}

/// What the brightness of a pixel becomes before a network sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum Pixels {
    /// Less the mean of ImageNet and over its deviation, by channel; 0 to 1 for pictures of one channel.
    #[default]
    Imagenet,
    /// 0 to 1.
    Unit,
    /// -1 to 1.
    Signed,
    /// 0 to 255.
    Raw,
}

impl Pixels {
    /// A value from 0 to 1 of this channel, out of one or three.
    pub(crate) fn number(self, channels: usize, channel: usize, value: f32) -> f32 {
        match (self, MEAN.get(channel), STD.get(channel)) {
            (Self::Imagenet, Some(mean), Some(std)) if channels == MEAN.len() => {
                (value - mean) / std
            }
            (Self::Imagenet | Self::Unit, ..) => value,
            (Self::Signed, ..) => 2.0 * value - 1.0,
            (Self::Raw, ..) => 255.0 * value,
        }
    }
}

fn preprocess(
    picture: &DynamicImage,
    path: &Path,
    [channels, size]: [usize; 2],
    pixels: Pixels,
) -> Result<TensorF32, InputError> {
    let (width, height) = picture.dimensions();
    let (short, long) = (width.min(height), width.max(height));
    if short == 0 || long / short > MAX_ASPECT {
        return Err(InputError::Narrow {
            path: path.to_owned(),
            width,
            height,
        });
    }
    let shape = Shape::nchw(1, channels, size, size)?;
    let side = u32::try_from(size).unwrap_or(MAX_SIDE).min(MAX_SIDE);
    let to_short = match channels {
        1 => side,
        3 => (side * 8).div_ceil(7),
        _ => {
            return Err(InputError::Channels {
                path: path.to_owned(),
                channels,
            });
        }
    };
    let scale = |n: u32| (u64::from(n) * u64::from(to_short) / u64::from(short)) as u32;
    let (w, h) = (scale(width), scale(height));
    let (x0, y0) = ((w - side) / 2, (h - side) / 2);
    let filter = imageops::FilterType::Triangle;
    let mut planes = vec![Vec::new(); channels];
    let mut push = |pixel: &[u8]| {
        for (c, (plane, v)) in planes.iter_mut().zip(pixel).enumerate() {
            plane.push(pixels.number(channels, c, f32::from(*v) / 255.0));
        }
    };
    let places = (0..side).flat_map(|y| (0..side).map(move |x| (x0 + x, y0 + y)));
    if channels == 1 {
        let resized = imageops::resize(&picture.to_luma8(), w, h, filter);
        places.for_each(|(x, y)| push(&resized.get_pixel(x, y).0));
    } else {
        let resized = imageops::resize(&picture.to_rgb8(), w, h, filter);
        places.for_each(|(x, y)| push(&resized.get_pixel(x, y).0));
    }
    Ok(TensorF32::new(shape, planes.concat())?)
}

/// Door for fuzzers.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    let path = Path::new("fuzz");
    if let Ok(picture) = decode(path, bytes) {
        let small = u64::from(picture.width()) * u64::from(picture.height()) < 1 << 20;
        if small && let Ok(t) = preprocess(&picture, path, [3, 28], Pixels::Imagenet) {
            assert!(t.data().iter().all(|v| v.is_finite()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn the_photograph_is_normalised() {
        let t = photograph(224).unwrap();
        assert_eq!(t.shape().dims(), [1, 3, 224, 224]);
        let (low, high) = t.range();
        assert!(low >= -2.2 && high <= 2.7, "{low} {high}");
        let mean = t.data().iter().sum::<f32>() / t.data().len() as f32;
        assert!(mean.abs() < 1.0, "{mean}");
    }

    #[test]
    fn one_colour_stays_one_colour_in_both_formats() {
        let grey = image::RgbImage::from_pixel(40, 30, image::Rgb([255, 0, 51]));
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let bytes = encode(&DynamicImage::ImageRgb8(grey.clone()), format);
            let picture = decode(Path::new("x"), &bytes).unwrap();
            let t = preprocess(&picture, Path::new("x"), [3, 224], Pixels::Imagenet).unwrap();
            for (c, want) in [1.0f32, 0.0, 0.2].into_iter().enumerate() {
                let want = (want - MEAN[c]) / STD[c];
                let off = t.data()[c * 224 * 224..][..224 * 224]
                    .iter()
                    .fold(0f32, |m, v| m.max((v - want).abs()));
                assert!(off < 0.05, "{format:?} {c} {off}");
            }
        }
    }

    #[test]
    fn one_channel_is_grey_and_loses_no_border() {
        let mut picture = image::RgbImage::from_pixel(8, 8, image::Rgb([0, 0, 0]));
        picture.put_pixel(0, 0, image::Rgb([255, 255, 255]));
        picture.put_pixel(7, 7, image::Rgb([255, 0, 0]));
        let t = preprocess(
            &DynamicImage::ImageRgb8(picture),
            Path::new("x"),
            [1, 8],
            Pixels::Imagenet,
        )
        .unwrap();
        assert_eq!(t.shape().dims(), [1, 1, 8, 8]);
        assert_eq!(t.data()[0], 1.0);
        assert!(t.data()[1..63].iter().all(|v| *v == 0.0));
        assert!((0.2..0.4).contains(&t.data()[63]), "{}", t.data()[63]);
        let e = photograph_as([2, 8], Pixels::Imagenet)
            .unwrap_err()
            .to_string();
        assert_eq!(
            e,
            "chelsea.png: a picture has one channel or three, and the network wants 2"
        );
    }

    #[test]
    fn what_is_no_picture_is_named() {
        let dir = std::env::temp_dir().join(format!("piquet-image-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("cat.png");
        let text = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            load(&path, 224).unwrap_err().to_string()
        };
        for bytes in [
            b"".as_slice(),
            b"GIF89a....",
            b"no picture",
            &PHOTOGRAPH[..5000],
        ] {
            let e = text(bytes);
            assert!(e.contains("cat.png: neither a PNG nor a JPEG"), "{e}");
        }
        let thin = DynamicImage::ImageRgb8(image::RgbImage::new(400, 2));
        let e = text(&encode(&thin, ImageFormat::Png));
        assert!(e.contains("400x2 pixels are too narrow"), "{e}");
        let wide = DynamicImage::ImageLuma8(image::GrayImage::new(MAX_SIDE + 1, 1));
        let e = text(&encode(&wide, ImageFormat::Png));
        assert!(e.contains("neither"), "{e}");
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(
            load(&path, 224)
                .unwrap_err()
                .to_string()
                .contains("cat.png")
        );
    }

    #[test]
    fn damaged_pictures_never_panic() {
        let mut small = DynamicImage::ImageRgb8(image::RgbImage::new(24, 24));
        small.invert();
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let bytes = encode(&small, format);
            for i in 0..bytes.len() {
                let mut bad = bytes.clone();
                bad[i] = bad[i].wrapping_mul(31).wrapping_add(7);
                fuzz(&bad);
                fuzz(&bytes[..i]);
            }
        }
    }
}
