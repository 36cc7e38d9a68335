//! NPY files, read and written from the format's definition alone.

use std::fs;
use std::path::Path;

/// Shape and elements of a version 1 file of little-endian `f32` in C order.
pub fn read(path: &Path) -> (Vec<usize>, Vec<f32>) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let data = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!(data % 16, 0, "the data begins at a multiple of 16");
    let header = std::str::from_utf8(&bytes[10..data]).unwrap();
    assert!(header.ends_with('\n'));
    let header = header.replace(' ', "");
    assert!(header.contains("'descr':'<f4'"), "{header}");
    assert!(header.contains("'fortran_order':False"), "{header}");
    let (_, shape) = header.split_once("'shape':(").unwrap();
    let (shape, _) = shape.split_once(')').unwrap();
    let shape: Vec<usize> = shape
        .split(',')
        .filter(|d| !d.is_empty())
        .map(|d| d.parse().unwrap())
        .collect();
    let elements: Vec<f32> = bytes[data..]
        .chunks(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect();
    assert_eq!(elements.len(), shape.iter().product::<usize>());
    (shape, elements)
}

pub fn bytes(shape: &[usize], data: impl Iterator<Item = f32>) -> Vec<u8> {
    let dims: String = shape.iter().map(|d| format!("{d},")).collect();
    let mut header = format!("{{'descr':'<f4','fortran_order':False,'shape':({dims}),}}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data.flat_map(f32::to_le_bytes));
    bytes
}
