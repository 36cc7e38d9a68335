//! Threads of one party, passed in and never global.

use piquet_core::Ring;
use piquet_core::linalg::{ConvShape, PackedWeights, conv2d_pixels};

use crate::Error;

/// The threads that one party computes on.
#[derive(Debug)]
pub struct Pool {
    threads: usize,
    pool: Option<rayon::ThreadPool>,
}

impl Pool {
    /// A pool of `threads`; one thread means the caller's own.
    pub fn new(threads: usize) -> Result<Self, Error> {
        let threads = threads.max(1);
        let pool = (threads > 1)
            .then(|| {
                rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .thread_name(|i| format!("piquet-{i}"))
                    .build()
            })
            .transpose()
            .map_err(|e| Error::Environment {
                what: "thread pool",
                reason: e.to_string(),
            })?;
        Ok(Self { threads, pool })
    }

    /// Number of threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// [`piquet_core::linalg::conv2d`] on all threads.
    pub fn conv2d<R: Ring>(
        &self,
        shape: &ConvShape,
        terms: &[(&[R], &PackedWeights<R>)],
        out: &mut [R],
    ) -> Result<(), Error> {
        shape.validate()?;
        let pixels = shape.pixels();
        let Some(pool) = &self.pool else {
            return Ok(conv2d_pixels(shape, terms, 0..pixels, out)?);
        };
        let part = pixels.div_ceil(self.threads).max(1);
        let results = std::sync::Mutex::new(Ok(()));
        pool.scope(|scope| {
            for (i, out) in out.chunks_mut(part * shape.out_channels).enumerate() {
                let results = &results;
                scope.spawn(move |_| {
                    let range = i * part..((i + 1) * part).min(pixels);
                    if let Err(e) = conv2d_pixels(shape, terms, range, out)
                        && let Ok(mut r) = results.lock()
                    {
                        *r = Err(e);
                    }
                });
            }
        });
        Ok(results.into_inner().unwrap_or(Ok(()))?)
    }
}
