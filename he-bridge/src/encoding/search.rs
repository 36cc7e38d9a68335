//! All splits of a layer that may be best.

use super::split::{Layer, Numbers, Split, Tile};

/// Points below which weight polynomials cannot share them: those of a vector.
pub(super) const LEAST_BLOCK: usize = 8;
/// Distances of planes are also rounded up to multiples of these, and to a power of two.
const BLOCKS: [usize; 2] = [16, 64];

/// Calls `each` with splits and their numbers, in an order that depends on nothing else. For every way to merge
/// groups, every tile and distance, and every number of planes in a polynomial it is as many outputs as there is room
/// for, and both as few as do with as many polynomials.
pub(super) fn splits(layer: &Layer, degree: usize, mut each: impl FnMut(&Split, &Numbers)) {
    for tile in tiles(layer, degree) {
        let (plane, tiles) = layer.plane(tile);
        if plane > degree {
            continue;
        }
        for distance in distances(plane, degree) {
            let blocks = degree / distance;
            for merge in merges(layer, blocks) {
                let planes = layer.planes(merge);
                let channels = merge * layer.channels()[1];
                for inputs in with_phases(layer.phases(), parts(planes, blocks)) {
                    if inputs > blocks {
                        continue;
                    }
                    let outputs = even(channels, (blocks / inputs).min(channels));
                    let split = Split {
                        merge,
                        inputs,
                        outputs,
                        tile,
                        distance,
                    };
                    each(&split, &layer.numbers(&split, tiles));
                }
            }
        }
    }
}

/// The size of a plane, and some numbers above it of which larger powers of two are divisors.
fn distances(plane: usize, degree: usize) -> Vec<usize> {
    let rounded = BLOCKS.map(|b| plane.next_multiple_of(b));
    let power = plane.next_power_of_two().max(LEAST_BLOCK);
    let mut all = vec![plane, rounded[0], rounded[1], power];
    all.retain(|d| *d <= degree);
    all.sort_unstable();
    all.dedup();
    all
}

/// The least size of parts of `all` of which there are not more than at `most` each.
fn even(all: usize, most: usize) -> usize {
    all.div_ceil(all.div_ceil(most))
}

/// Sizes of parts, at most `most`: the least for every number of parts.
fn parts(all: usize, most: usize) -> impl Iterator<Item = usize> {
    let mut size = all.min(most);
    core::iter::from_fn(move || {
        let now = even(all, size.max(1));
        let go = size > 0;
        size = now - 1;
        go.then_some(now)
    })
}

/// After each size the next multiple of `phases`: it has fewer terms.
fn with_phases(phases: usize, sizes: impl Iterator<Item = usize>) -> impl Iterator<Item = usize> {
    sizes.flat_map(move |n| {
        let rounded = n.next_multiple_of(phases);
        [Some(n), (rounded > n).then_some(rounded)]
            .into_iter()
            .flatten()
    })
}

/// Numbers of groups to merge: none, and as many as are one pair of polynomials or a few.
fn merges(layer: &Layer, blocks: usize) -> Vec<usize> {
    let groups = layer.shape.groups;
    let mut all = vec![1];
    if groups > 1 {
        let [inputs, outputs] = [layer.planes(1), layer.channels()[1]];
        let fits = |m: &usize| m * inputs * m * outputs <= blocks;
        let most = (1..=groups).take_while(fits).last().unwrap_or(1);
        all.extend(
            [most, 2 * most, 4 * most]
                .into_iter()
                .filter(|m| *m <= groups)
                .map(|m| even(groups, m)),
        );
        all.sort_unstable();
        all.dedup();
    }
    all
}

/// Tiles, the largest first.
fn tiles(layer: &Layer, degree: usize) -> Vec<Tile> {
    if layer.is_pointwise() {
        let all = layer.shape.pixels();
        let mut sizes: Vec<usize> = parts(all, degree).collect();
        // Tiles of powers of two leave nothing over in their planes, even where the last one is nearly empty.
        sizes.extend(
            (0..usize::BITS)
                .map(|b| 1 << b)
                .filter(|n| *n <= degree && *n < all),
        );
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes.dedup();
        return sizes.into_iter().map(Tile::Pixels).collect();
    }
    let [h, w] = layer.shape.output();
    let mut out: Vec<Tile> = parts(layer.shape.batch, degree)
        .filter(|n| *n > 1)
        .map(|n| Tile::Area([n, h, w]))
        .collect();
    for rows in parts(h, degree) {
        out.extend(parts(w, degree).map(|columns| Tile::Area([1, rows, columns])));
    }
    out
}
