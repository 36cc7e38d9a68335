//! NumPy arrays: tensors in, logits out.

use crate::image::{InputError, read};
use npyz::{DType, NpyFile, Order, TypeChar, WriterBuilder};
use piquet_nn_ops::model::{Shape, TensorF32};
use std::path::Path;

const MAX_HEADER: usize = 1 << 16;

/// Reads an array of `f32` or `f64` in C order that has this shape.
pub fn load(path: &Path, shape: &Shape) -> Result<TensorF32, InputError> {
    parse(path, &read(path)?, shape)
}

/// Reads an array of whole numbers in C order, of any shape.
pub fn load_integers(path: &Path) -> Result<Vec<i64>, InputError> {
    parse_integers(path, &read(path)?)
}

/// Writes an array of `f32`.
pub fn save(path: &Path, tensor: &TensorF32) -> Result<(), InputError> {
    let mut bytes = Vec::new();
    let dims: Vec<u64> = tensor.shape().dims().iter().map(|d| *d as u64).collect();
    let mut write = || -> std::io::Result<()> {
        let mut writer = npyz::WriteOptions::<f32>::new()
            .default_dtype()
            .shape(&dims)
            .writer(&mut bytes)
            .begin_nd()?;
        writer.extend(tensor.data().iter().copied())?;
        writer.finish()
    };
    let io = |source| InputError::Io {
        path: path.to_owned(),
        source,
    };
    write().map_err(io)?;
    crate::file::write(path, &bytes).map_err(io)
}

fn parse(path: &Path, bytes: &[u8], shape: &Shape) -> Result<TensorF32, InputError> {
    let refuse = |reason: String| InputError::NotAnArray {
        path: path.to_owned(),
        reason,
    };
    check_header(bytes).map_err(refuse)?;
    let file = NpyFile::new(bytes).map_err(|e| refuse(e.to_string()))?;
    let dtype = file.dtype();
    let float = match &dtype {
        DType::Plain(t) if t.type_char() == TypeChar::Float => t.size_field(),
        _ => 0,
    };
    let same = file
        .shape()
        .iter()
        .copied()
        .eq(shape.dims().iter().map(|d| *d as u64));
    if !same || !matches!(float, 4 | 8) || file.order() != Order::C {
        let order = match file.order() {
            Order::C => "C",
            Order::Fortran => "Fortran",
        };
        let text: String = dtype.descr().chars().take(40).collect();
        let dims: Vec<u64> = file.shape().iter().copied().take(8).collect();
        return Err(InputError::WrongArray {
            path: path.to_owned(),
            found: format!("dtype {text}, shape {dims:?}, {order} order"),
            wanted: format!("dtype <f4 or <f8, shape {:?}, C order", shape.dims()),
        });
    }
    let want = shape.elements();
    let data = if float == 4 {
        file.into_vec::<f32>()
    } else {
        file.into_vec::<f64>()
            .map(|v| v.into_iter().map(|x| x as f32).collect())
    };
    let data: Vec<f32> = data.map_err(|e| refuse(e.to_string()))?;
    match data.iter().position(|v| !v.is_finite()) {
        Some(i) => Err(refuse(format!("element {i} is not a finite number"))),
        None if data.len() != want => Err(refuse(format!("{} elements", data.len()))),
        None => Ok(TensorF32::new(shape.clone(), data)?),
    }
}

fn parse_integers(path: &Path, bytes: &[u8]) -> Result<Vec<i64>, InputError> {
    let refuse = |reason: String| InputError::NotAnArray {
        path: path.to_owned(),
        reason,
    };
    check_header(bytes).map_err(refuse)?;
    let file = NpyFile::new(bytes).map_err(|e| refuse(e.to_string()))?;
    let dtype = file.dtype();
    let size = match &dtype {
        DType::Plain(t) if t.type_char() == TypeChar::Int => t.size_field(),
        _ => 0,
    };
    if file.order() != Order::C {
        return Err(refuse("it is in Fortran order".to_owned()));
    }
    let numbers = match size {
        4 => file
            .into_vec::<i32>()
            .map(|v| v.into_iter().map(i64::from).collect()),
        8 => file.into_vec::<i64>(),
        _ => return Err(refuse("dtype <i4 or <i8 is wanted".to_owned())),
    };
    numbers.map_err(|e| refuse(e.to_string()))
}

/// Magic number, and a header that is there and not absurdly long: the parser would allocate what it says.
fn check_header(bytes: &[u8]) -> Result<(), String> {
    let short = || "the file is too short".to_owned();
    if !bytes.starts_with(b"\x93NUMPY") {
        return Err("it does not begin with NPY's magic number".to_owned());
    }
    let (len, at) = match (bytes.get(6), bytes.get(8..12)) {
        (Some(1), Some(&[a, b, ..])) => (usize::from(u16::from_le_bytes([a, b])), 10),
        (Some(2 | 3), Some(&[a, b, c, d])) => (u32::from_le_bytes([a, b, c, d]) as usize, 12),
        (Some(v), Some(_)) => return Err(format!("version {v} is unknown")),
        _ => return Err(short()),
    };
    if len > MAX_HEADER {
        return Err(format!("a header of {len} bytes, and {MAX_HEADER} at most"));
    }
    let header = bytes.get(at..at + len).ok_or_else(short)?;
    // A header is a flat dictionary with one tuple in it; deeper nesting only serves to exhaust the parser's stack.
    let nested = header
        .iter()
        .filter(|b| matches!(b, b'(' | b'[' | b'{'))
        .count();
    if nested > 8 {
        return Err("its header is nested too deeply".to_owned());
    }
    // The parser multiplies the dimensions unchecked.
    let product = header
        .split(|b| !b.is_ascii_digit())
        .filter(|run| !run.is_empty())
        .try_fold(1u64, |product, run| {
            let digits = str::from_utf8(run).ok()?;
            product.checked_mul(digits.parse::<u64>().ok()?.max(1))
        });
    match product {
        Some(n) if n <= 1 << 40 => Ok(()),
        _ => Err("its header has numbers too large for any input".to_owned()),
    }
}

/// Door for fuzzers.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    if let Ok(shape) = Shape::new(&[1, 2, 3, 1])
        && let Ok(t) = parse(Path::new("fuzz"), bytes, &shape)
    {
        assert_eq!(t.data().len(), 6);
    }
    let _ = parse_integers(Path::new("fuzz"), bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn shape() -> Shape {
        Shape::new(&[1, 2, 3, 1]).unwrap()
    }

    const HEADER: &str = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2, 3, 1), }\n";

    #[test]
    fn arrays_survive_a_round_trip() {
        let t = TensorF32::new(shape(), vec![1.0, -2.5, 3e-9, 0.0, 7.0, f32::MAX]).unwrap();
        let path = std::env::temp_dir().join(format!("piquet-{}.npy", std::process::id()));
        save(&path, &t).unwrap();
        assert_eq!(load(&path, &shape()).unwrap(), t);
        let e = load(&path, &Shape::new(&[6]).unwrap())
            .unwrap_err()
            .to_string();
        std::fs::remove_file(&path).unwrap();
        assert!(
            e.contains("shape [1, 2, 3, 1], C order, and dtype <f4 or <f8, shape [6]"),
            "{e}"
        );
        assert!(e.contains(".npy"), "{e}");
    }

    #[test]
    fn doubles_are_read_too() {
        let data: Vec<u8> = (0..6).flat_map(|i| f64::from(i).to_le_bytes()).collect();
        let t = parse(Path::new("x"), &file(HEADER, &data), &shape()).unwrap();
        assert_eq!(t.data(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn integers_are_read() {
        let data: Vec<u8> = (0..6i64).flat_map(|i| (i - 2).to_le_bytes()).collect();
        let header = HEADER.replace("<f8", "<i8");
        let got = parse_integers(Path::new("x"), &file(&header, &data)).unwrap();
        assert_eq!(got, [-2, -1, 0, 1, 2, 3]);
        let e = parse_integers(Path::new("x"), &file(HEADER, &data)).unwrap_err();
        assert!(e.to_string().contains("<i4 or <i8"), "{e}");
    }

    #[test]
    fn wrong_arrays_are_named() {
        let text = |bytes: &[u8]| {
            parse(Path::new("x"), bytes, &shape())
                .unwrap_err()
                .to_string()
        };
        assert!(text(b"PK").contains("magic"));
        assert!(text(&file(HEADER, &[0; 40])).contains("not an NPY array"));
        for (from, to) in [
            ("<f8", "<i8"),
            ("False", "True"),
            ("3", "4"),
            ("<f8", "<f2"),
        ] {
            let e = text(&file(&HEADER.replacen(from, to, 1), &[0; 64]));
            assert!(e.contains("is wanted"), "{e}");
        }
        let nan: Vec<u8> = (0..6).flat_map(|_| f64::NAN.to_le_bytes()).collect();
        assert!(text(&file(HEADER, &nan)).contains("element 0 is not a finite number"));
        let mut long = file(HEADER, &[]);
        long[6] = 2;
        assert!(text(&long).contains("at most"));
    }

    proptest! {
        #[test]
        fn headers_of_strangers_never_panic(at in 0usize..200, with: u8, text in "\\PC{0,60}", cut in 0usize..120) {
            let mut bytes = file(HEADER, &[0; 48]);
            let n = bytes.len();
            bytes[at % n] = with;
            fuzz(&bytes);
            fuzz(&bytes[..cut]);
            fuzz(&file(&text, &[0; 48]));
            fuzz(&file(&HEADER.replace("3", &text), &[0; 48]));
        }
    }
}
