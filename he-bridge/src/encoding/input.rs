//! From a layer's input to polynomials.

use super::{Encoding, Tile};

/// Channels that are gathered together: those that share a cache line.
const WIDE: usize = 8;

impl Encoding {
    /// Fills input polynomial `i` of a group and tile from the layer's whole input.
    pub fn input(&self, group: usize, tile: usize, i: usize, x: &[u64], polynomial: &mut [u64]) {
        polynomial.fill(0);
        let (split, all) = (&self.split, self.layer.shape.in_channels);
        let phases = self.layer.phases();
        // Channels of merged groups follow each other.
        let origin = group * split.merge * self.layer.channels()[0];
        let planes = self.layer.planes(split.merge).min((all - origin) * phases);
        let first = i * split.inputs;
        let end = (first + split.inputs).min(planes);
        for phase in 0..phases {
            let number = |plane: usize| plane.saturating_sub(phase).div_ceil(phases);
            for start in (number(first)..number(end)).step_by(WIDE) {
                let count = WIDE.min(number(end) - start);
                let mut to = [0; WIDE];
                for (k, to) in to.iter_mut().enumerate() {
                    let plane = (start + k) * phases + phase;
                    *to = plane % split.inputs * split.distance;
                }
                let to = &to[..count];
                self.gather(tile, self.layer.phase(phase), |at, from| {
                    let x = &x[from * all + origin + start..][..count];
                    for (to, x) in to.iter().zip(x) {
                        polynomial[to + at] = *x;
                    }
                });
            }
        }
    }
    /// Calls `each` with the place of every item of a tile's plane, and with the pixel of the input that it is.
    fn gather(&self, tile: usize, phase: [usize; 2], mut each: impl FnMut(usize, usize)) {
        let [y, x] = &self.layer.lines;
        let [height, width] = self.layer.shape.input;
        match self.split.tile {
            Tile::Pixels(_) => {
                let [h, w] = self.layer.shape.output();
                let pixels = self.pixels(tile);
                let mut pixel = pixels.start;
                while pixel < pixels.end {
                    let (image, row, column) = (pixel / w / h, pixel / w % h, pixel % w);
                    let run = (w - column).min(pixels.end - pixel);
                    if let Some(row) = y.index(phase[0], y.item(phase[0], row)) {
                        let (at, from) = (pixel - pixels.start, (image * height + row) * width);
                        let item = x.item(phase[1], column);
                        for k in 0..run {
                            if let Some(column) = x.index(phase[1], item + k as isize) {
                                each(at + k, from + column);
                            }
                        }
                    }
                    pixel += run;
                }
            }
            Tile::Area(_) => {
                let (images, [down, across]) = self.area(tile);
                let [rows, columns] = &self.axes;
                for (b, image) in images.enumerate() {
                    for r in 0..rows.extent {
                        let Some(row) = y.index(phase[0], rows.item(down, r)) else {
                            continue;
                        };
                        let at = (b * rows.pitch + r) * columns.pitch;
                        let from = (image * height + row) * width;
                        for k in 0..columns.extent {
                            let column = x.index(phase[1], columns.item(across, k));
                            if let Some(column) = column {
                                each(at + k, from + column);
                            }
                        }
                    }
                }
            }
        }
    }
}
