//! Constants: weights and shapes, from the file or from a file beside it.

use super::layout::{Layout, MAX_DIMS};
use super::proto::TensorProto;
use prost::bytes::Bytes;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path};
use std::sync::Arc;

/// How many more numbers may be read, and how many made of them. `Expand` and `ConstantOfShape` ask for much in a few
/// bytes: what is made must be in proportion to what was there.
#[derive(Debug)]
pub(super) struct Budget {
    read: usize,
    made: usize,
}

impl Budget {
    /// Numbers made of nothing.
    const FREE: usize = 1 << 20;
    /// Numbers made per number read.
    const PROPORTION: usize = 8;

    pub(super) fn new(read: usize) -> Self {
        let made = Self::FREE;
        Self { read, made }
    }
    /// Before numbers are made.
    pub(super) fn spend(&mut self, elements: usize) -> Result<(), String> {
        let left = self.made.checked_sub(elements);
        self.made = left.ok_or("more constants are made of the file's tensors than is allowed")?;
        Ok(())
    }
    fn read(&mut self, elements: usize) -> Result<(), String> {
        let left = self.read.checked_sub(elements);
        self.read = left.ok_or("the tensors of the model have more numbers than is allowed")?;
        Ok(())
    }
    fn grant(&mut self, elements: usize) {
        let more = elements.saturating_mul(Self::PROPORTION);
        self.made = self.made.saturating_add(more);
    }
}

/// The elements of a constant: all floating-point types become `f32`, all integers and truth values `i64`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    F32(Arc<Vec<f32>>),
    I64(Arc<Vec<i64>>),
}

/// A constant of any rank up to eight, a dimension of which may be zero.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Const {
    dims: Vec<usize>,
    data: Data,
    /// Whether these real numbers are made of public ones; integers and truth values always are.
    public: bool,
}

impl Const {
    pub(super) fn f32(dims: &[usize], data: Vec<f32>) -> Result<Self, String> {
        Self::new(dims, data.len(), Data::F32(Arc::new(data)))
    }
    pub(super) fn i64(dims: &[usize], data: Vec<i64>) -> Result<Self, String> {
        Self::new(dims, data.len(), Data::I64(Arc::new(data)))
    }
    fn new(dims: &[usize], len: usize, data: Data) -> Result<Self, String> {
        if elements(dims)? == len {
            let (dims, public) = (dims.to_vec(), false);
            Ok(Self { dims, data, public })
        } else {
            Err(format!("{len} elements for dimensions {dims:?}"))
        }
    }
    /// The same, known to be public.
    pub(super) fn public(self) -> Self {
        let public = true;
        Self { public, ..self }
    }
    pub(super) fn is_public(&self) -> bool {
        self.public || matches!(self.data, Data::I64(_))
    }
    pub(super) fn dims(&self) -> &[usize] {
        &self.dims
    }
    pub(super) fn data(&self) -> &Data {
        &self.data
    }
    pub(super) fn elements(&self) -> usize {
        self.dims.iter().product()
    }
    /// The elements as real numbers.
    pub(super) fn reals(&self) -> Arc<Vec<f32>> {
        match &self.data {
            Data::F32(v) => Arc::clone(v),
            Data::I64(v) => Arc::new(v.iter().map(|v| *v as f32).collect()),
        }
    }
    /// The elements of a constant of integers.
    pub(super) fn integers(&self) -> Result<&[i64], String> {
        match &self.data {
            Data::I64(v) => Ok(v),
            Data::F32(_) => Err("real numbers where integers are needed".to_owned()),
        }
    }
    /// The element of a constant of one.
    pub(super) fn scalar(&self) -> Option<f32> {
        match (&self.data, self.elements()) {
            (Data::F32(v), 1) => v.first().copied(),
            (Data::I64(v), 1) => v.first().map(|v| *v as f32),
            _ => None,
        }
    }
    /// The elements as a layout of this constant's dimensions orders them.
    pub(super) fn arranged(&self, layout: &Layout, budget: &mut Budget) -> Result<Self, String> {
        let n = elements(layout.dims())?;
        let public = self.public;
        if layout.is_row_major(self.elements()) {
            let dims = layout.dims().to_vec();
            let data = self.data.clone();
            return Ok(Self { dims, data, public });
        }
        budget.spend(n)?;
        let outside = || "it takes elements that are not there".to_owned();
        let data = match &self.data {
            Data::F32(v) => Data::F32(Arc::new(layout.gather(v).ok_or_else(outside)?)),
            Data::I64(v) => Data::I64(Arc::new(layout.gather(v).ok_or_else(outside)?)),
        };
        let made = Self::new(layout.dims(), n, data)?;
        Ok(Self { public, ..made })
    }
}

/// The number of elements, if it is one.
pub(super) fn elements(dims: &[usize]) -> Result<usize, String> {
    if dims.len() > MAX_DIMS {
        return Err(format!("{} dimensions, and {MAX_DIMS} at most", dims.len()));
    }
    dims.iter()
        .try_fold(1usize, |p, d| p.checked_mul((*d).max(1)))
        .filter(|p| *p <= crate::model::MAX_ELEMENTS)
        .ok_or_else(|| "more than 2^31 elements".to_owned())?;
    Ok(dims.iter().product())
}

/// Data types of ONNX that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    F32,
    F64,
    F16,
    BF16,
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
}

impl Type {
    /// By its number in `TensorProto.DataType`.
    pub(super) fn new(number: i64) -> Result<Self, String> {
        Ok(match number {
            1 => Self::F32,
            2 => Self::U8,
            3 => Self::I8,
            4 => Self::U16,
            5 => Self::I16,
            6 => Self::I32,
            7 => Self::I64,
            9 => Self::Bool,
            10 => Self::F16,
            11 => Self::F64,
            12 => Self::U32,
            13 => Self::U64,
            16 => Self::BF16,
            8 => return Err("holds text".to_owned()),
            14 | 15 => return Err("holds complex numbers".to_owned()),
            n => return Err(format!("has data type {n}, which is not read")),
        })
    }
    pub(super) fn is_real(self) -> bool {
        matches!(self, Self::F32 | Self::F64 | Self::F16 | Self::BF16)
    }
    fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::F16 | Self::BF16 | Self::U16 | Self::I16 => 2,
            Self::F32 | Self::U32 | Self::I32 => 4,
            Self::F64 | Self::U64 | Self::I64 => 8,
        }
    }
}

/// Reads a tensor of the file; `folder` is where external data may lie.
pub(super) fn read(
    t: &TensorProto,
    folder: Option<&Path>,
    budget: &mut Budget,
) -> Result<Const, String> {
    let kind = Type::new(t.data_type.unwrap_or(0).into())?;
    if t.segment.is_some() {
        return Err("is cut into segments, which is not read".to_owned());
    }
    let dims = t
        .dims
        .iter()
        .map(|d| usize::try_from(*d).map_err(|_| format!("has a dimension of {d}")))
        .collect::<Result<Vec<_>, _>>()?;
    let n = elements(&dims)?;
    budget.read(n)?;
    let read = if t.data_location == Some(1) {
        raw(kind, &dims, &external(t, folder, n * kind.bytes())?)
    } else if let Some(bytes) = &t.raw_data {
        raw(kind, &dims, bytes)
    } else {
        typed(t, kind, &dims)
    }?;
    budget.grant(n);
    Ok(read)
}

fn typed(t: &TensorProto, kind: Type, dims: &[usize]) -> Result<Const, String> {
    match kind {
        Type::F32 => Const::f32(dims, t.float_data.clone()),
        Type::F64 => Const::f32(dims, t.double_data.iter().map(|v| *v as f32).collect()),
        Type::F16 | Type::BF16 => {
            // The bits of each are an integer of their own.
            let bits = t.int32_data.iter().map(|v| *v as u16);
            let real = if kind == Type::F16 { half } else { brain };
            Const::f32(dims, bits.map(real).collect())
        }
        Type::U32 | Type::U64 => {
            let data = t.uint64_data.iter().map(|v| *v as i64);
            Const::i64(dims, data.collect())
        }
        Type::I64 => Const::i64(dims, t.int64_data.clone()),
        _ => Const::i64(dims, t.int32_data.iter().map(|v| i64::from(*v)).collect()),
    }
}

fn raw(kind: Type, dims: &[usize], bytes: &[u8]) -> Result<Const, String> {
    let want = elements(dims)? * kind.bytes();
    if bytes.len() != want {
        return Err(format!(
            "has {} bytes of data, and dimensions {dims:?} take {want}",
            bytes.len()
        ));
    }
    let real = |v: Vec<f32>| Const::f32(dims, v);
    let whole = |v: Vec<i64>| Const::i64(dims, v);
    match kind {
        Type::F32 => real(each(bytes, f32::from_le_bytes)),
        Type::F64 => real(each(bytes, |b| f64::from_le_bytes(b) as f32)),
        Type::F16 => real(each(bytes, |b| half(u16::from_le_bytes(b)))),
        Type::BF16 => real(each(bytes, |b| brain(u16::from_le_bytes(b)))),
        Type::Bool => whole(each(bytes, |[b]| i64::from(b != 0))),
        Type::U8 => whole(each(bytes, |[b]| i64::from(b))),
        Type::I8 => whole(each(bytes, |b| i8::from_le_bytes(b).into())),
        Type::U16 => whole(each(bytes, |b| u16::from_le_bytes(b).into())),
        Type::I16 => whole(each(bytes, |b| i16::from_le_bytes(b).into())),
        Type::U32 => whole(each(bytes, |b| u32::from_le_bytes(b).into())),
        Type::I32 => whole(each(bytes, |b| i32::from_le_bytes(b).into())),
        Type::U64 => whole(each(bytes, |b| u64::from_le_bytes(b) as i64)),
        Type::I64 => whole(each(bytes, i64::from_le_bytes)),
    }
}

fn each<const N: usize, T>(bytes: &[u8], f: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (words, _) = bytes.as_chunks::<N>();
    words.iter().map(|w| f(*w)).collect()
}

/// IEEE 754 binary16.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let (exponent, fraction) = (u32::from(bits >> 10) & 31, u32::from(bits) & 1023);
    let magnitude = match exponent {
        0 => (fraction as f32 / (1u32 << 24) as f32).to_bits(),
        31 => 0x7f80_0000 | fraction << 13,
        e => (e + 112) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

/// bfloat16.
fn brain(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// `len` bytes of a file within the folder.
fn external(t: &TensorProto, folder: Option<&Path>, len: usize) -> Result<Bytes, String> {
    let entry = |key: &str| {
        let entries = t.external_data.iter();
        entries
            .filter(|e| e.key.as_deref() == Some(key))
            .find_map(|e| e.value.as_deref())
    };
    let number = |key: &str| match entry(key) {
        None => Ok(None),
        Some(v) => match v.parse::<u64>() {
            Ok(v) => Ok(Some(v)),
            Err(_) => Err(format!("has external data whose {key} is no number")),
        },
    };
    let location = entry("location").ok_or("has external data without a location")?;
    let (offset, declared) = (number("offset")?.unwrap_or(0), number("length")?);
    let folder = folder.ok_or("has external data, and no folder to look for it was given")?;
    let shown = super::names::shown(location);
    let failed = |e: std::io::Error| format!("has external data in `{shown}`: {e}");
    let inside = Path::new(location)
        .components()
        .all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    let refused = || format!("has external data in `{shown}`, outside its folder");
    if !inside {
        return Err(refused());
    }
    // The parent of a bare file name is empty.
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    // A link could lead out just as well.
    let folder = folder.canonicalize().map_err(failed)?;
    let path = folder.join(location).canonicalize().map_err(failed)?;
    if !path.starts_with(&folder) {
        return Err(refused());
    }
    // Before it is opened: whoever opens a pipe waits.
    if !path.is_file() {
        return Err(format!(
            "has external data in `{shown}`, which is not a file"
        ));
    }
    let mut file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    let (len64, there) = (len as u64, about.len().saturating_sub(offset));
    if declared.is_some_and(|d| d != len64) || there < len64 {
        return Err(format!(
            "takes {len} bytes of external data, and `{shown}` has {} there",
            declared.unwrap_or(there).min(there)
        ));
    }
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    let mut bytes = Vec::with_capacity(len);
    file.take(len64).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(data_type: i32, dims: &[i64]) -> TensorProto {
        TensorProto {
            data_type: Some(data_type),
            dims: dims.to_vec(),
            ..TensorProto::default()
        }
    }

    fn get(t: &TensorProto) -> Result<Const, String> {
        read(t, None, &mut Budget::new(1 << 20))
    }

    #[test]
    fn halves_are_what_ieee_says() {
        for (bits, want) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x7bff, 65504.0),
            (0x7c00, f32::INFINITY),
            (0x8000, -0.0),
            (0x3555, 0.333_251_95),
        ] {
            assert_eq!(half(bits), want);
        }
        assert!(half(0x7e00).is_nan());
        assert_eq!(brain(0xc040), -3.0);
    }

    #[test]
    fn raw_and_typed_data_agree() {
        let raws: [(i32, Vec<u8>); 6] = [
            (3, vec![1, 0xfe]),
            (4, vec![1, 0, 0xfe, 0]),
            (6, vec![1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff]),
            (9, vec![1, 7]),
            (10, vec![0, 0x3c, 0, 0xc0]),
            (16, vec![0x80, 0x3f, 0, 0xc0]),
        ];
        let want = [
            vec![1.0, -2.0],
            vec![1.0, 254.0],
            vec![1.0, -2.0],
            vec![1.0, 1.0],
            vec![1.0, -2.0],
            vec![1.0, -2.0],
        ];
        for ((kind, bytes), want) in raws.into_iter().zip(want) {
            let mut t = tensor(kind, &[2]);
            t.raw_data = Some(bytes.into());
            assert_eq!(*get(&t).unwrap().reals(), want, "type {kind}");
        }
        let mut t = tensor(16, &[2]);
        t.int32_data = vec![0x3f80, 0xc000];
        assert_eq!(*get(&t).unwrap().reals(), [1.0, -2.0]);
        let mut t = tensor(11, &[1]);
        t.double_data = vec![0.5];
        assert_eq!(*get(&t).unwrap().reals(), [0.5]);
        let mut t = tensor(12, &[1]);
        t.uint64_data = vec![9];
        assert_eq!(get(&t).unwrap().integers(), Ok(&[9][..]));
    }

    #[test]
    fn what_does_not_fill_its_dimensions_is_refused() {
        let mut short = tensor(1, &[3]);
        short.raw_data = Some(vec![0; 8].into());
        let mut typed = tensor(1, &[3]);
        typed.float_data = vec![0.0; 2];
        for (t, why) in [
            (&short, "8 bytes"),
            (&typed, "2 elements"),
            (&tensor(1, &[1 << 40]), "2^31"),
            (&tensor(1, &[i64::MAX, i64::MAX, 0]), "2^31"),
            (&tensor(1, &[-1]), "dimension of -1"),
            (&tensor(1, &[1; 9]), "9 dimensions"),
            (&tensor(8, &[1]), "text"),
            (&tensor(22, &[1]), "data type 22"),
            (&tensor(1, &[1 << 21]), "more numbers"),
        ] {
            let refused = get(t).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn external_data_stay_in_their_folder() {
        let root = std::env::temp_dir().join(format!("piquet-onnx-{}", std::process::id()));
        let folder = root.join("model");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("w.bin"), [0, 0, 0, 0, 0, 0, 0x80, 0x3f]).unwrap();
        std::fs::write(root.join("secret"), [0; 8]).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(root.join("secret"), folder.join("link")).unwrap();
        let at = |location: &str, offset: &str, length: Option<&str>, folder: Option<&Path>| {
            let mut t = tensor(1, &[1]);
            t.data_location = Some(1);
            let pairs = [
                ("location", Some(location)),
                ("offset", Some(offset)),
                ("length", length),
            ];
            for (key, value) in pairs {
                let entry = super::super::proto::StringStringEntryProto {
                    key: Some(key.to_owned()),
                    value: value.map(ToOwned::to_owned),
                };
                t.external_data.push(entry);
            }
            read(&t, folder, &mut Budget::new(64))
        };
        let inside = Some(folder.as_path());
        let good = at("./w.bin", "4", Some("4"), inside).unwrap();
        assert_eq!(*good.reals(), [1.0]);
        assert_eq!(*at("w.bin", "4", None, inside).unwrap().reals(), [1.0]);
        let absolute = root.join("secret");
        for (refused, why) in [
            (at("../secret", "0", None, inside), "outside"),
            (at(absolute.to_str().unwrap(), "0", None, inside), "outside"),
            (at("w.bin", "4", None, None), "no folder"),
            (at("w.bin", "5", None, inside), "has 3 there"),
            (at("w.bin", "99999999999999", None, inside), "has 0 there"),
            (at("w.bin", "0", Some("8"), inside), "has 8 there"),
            (at("w.bin", "-1", None, inside), "no number"),
            (at("missing", "0", None, inside), "missing"),
            (at(".", "0", None, inside), "not a file"),
        ] {
            let refused = refused.unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
        #[cfg(unix)]
        assert!(
            at("link", "0", None, inside)
                .unwrap_err()
                .contains("outside")
        );
        std::fs::remove_dir_all(root).unwrap();
    }
}
