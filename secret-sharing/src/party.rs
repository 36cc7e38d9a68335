//! Who holds a share.

use core::fmt;

use crate::Error;

/// The largest number of parties of an n-of-n sharing.
pub const MAX_PARTIES: usize = 10;

/// One of `count` parties of an n-of-n sharing.
///
/// Every share carries it, so that a public constant is added by exactly one party whatever the caller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Party {
    index: u8,
    count: u8,
}

impl Party {
    /// Party `index` of `count`, `2 <= count <= 10`, `index < count`.
    ///
    /// # Errors
    /// [`Error::NoSuchParty`] outside these ranges.
    pub fn new(index: usize, count: usize) -> Result<Self, Error> {
        match (u8::try_from(index), u8::try_from(count)) {
            (Ok(i), Ok(c)) if (2..=MAX_PARTIES).contains(&count) && i < c => {
                Ok(Self { index: i, count: c })
            }
            _ => Err(Error::NoSuchParty { index, count }),
        }
    }
    /// Position, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.index)
    }
    /// Number of parties.
    #[must_use]
    pub fn count(self) -> usize {
        usize::from(self.count)
    }
    /// All `count` parties in order of index.
    pub fn all(count: usize) -> Result<impl Iterator<Item = Self>, Error> {
        let c = Self::new(0, count)?.count;
        Ok((0..c).map(move |index| Self { index, count: c }))
    }
    /// The other parties, in order of index.
    pub fn peers(self) -> impl Iterator<Item = Self> {
        (0..self.count)
            .filter(move |i| *i != self.index)
            .map(move |index| Self { index, ..self })
    }
    /// Whether this is the one party that adds public constants.
    pub(crate) fn adds_constants(self) -> bool {
        self.index == 0
    }
    /// `Ok` if both shares have the same holder.
    pub(crate) fn same(self, other: Self) -> Result<(), Error> {
        if self == other {
            Ok(())
        } else {
            Err(Error::Holder {
                left: self,
                right: other,
            })
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "party {} of {}", self.index, self.count)
    }
}

/// One of the three parties of a replicated sharing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rep3Party {
    /// Holds components 0 and 1.
    P0,
    /// Holds components 1 and 2.
    P1,
    /// Holds components 2 and 0.
    P2,
}

impl Rep3Party {
    /// The three parties in order.
    pub const ALL: [Self; 3] = [Self::P0, Self::P1, Self::P2];

    /// Party `index`.
    ///
    /// # Errors
    /// [`Error::NoSuchParty`] from 3 on.
    pub fn from_index(index: usize) -> Result<Self, Error> {
        Self::ALL
            .get(index)
            .copied()
            .ok_or(Error::NoSuchParty { index, count: 3 })
    }
    /// Position, 0 to 2; also the number of the component that it holds as `mine`.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::P0 => 0,
            Self::P1 => 1,
            Self::P2 => 2,
        }
    }
    /// The party that shares this one's `next` component.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::P0 => Self::P1,
            Self::P1 => Self::P2,
            Self::P2 => Self::P0,
        }
    }
    /// The party that shares this one's `mine` component.
    #[must_use]
    pub const fn prev(self) -> Self {
        self.next().next()
    }
    /// `Ok` if both shares have the same holder.
    pub(crate) fn same(self, other: Self) -> Result<(), Error> {
        if self == other {
            Ok(())
        } else {
            Err(Error::Rep3Holder {
                left: self,
                right: other,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (i, n) in [(0, 0), (0, 1), (2, 2), (0, 11), (300, 400)] {
            assert_eq!(
                Party::new(i, n),
                Err(Error::NoSuchParty { index: i, count: n })
            );
        }
        let p = Party::new(1, 3).unwrap();
        assert_eq!(
            p.peers().map(Party::index).collect::<Vec<_>>(),
            [0, 2],
            "own index is skipped"
        );
        assert_eq!(Party::all(10).unwrap().count(), 10);
    }

    #[test]
    fn the_ring_of_three_closes() {
        for p in Rep3Party::ALL {
            assert_eq!(p.next().prev(), p);
            assert_eq!(Rep3Party::from_index(p.index()), Ok(p));
        }
        assert!(Rep3Party::from_index(3).is_err());
    }
}
