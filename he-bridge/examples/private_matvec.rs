//! A client multiplies a server's 4096 x 1000 matrix by its own vector, over a TCP socket of this machine: it learns its share of the
//! product and nothing of the matrix, the server learns nothing of the vector.
//!
//! `cargo run --release -p piquet-he-bridge --example private_matvec`

use std::io::{BufReader, BufWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use getrandom::SysRng;
use piquet_core::linalg::ConvShape;
use piquet_core::wire::{Channel, SessionId, drive};
use piquet_he_bridge::linear::{Layer, client, server};
use piquet_he_bridge::{Mode, Native, PlainModulus};
use rand_core::UnwrapErr;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const COLUMNS: usize = 4096;
const ROWS: usize = 1000;
/// Shares and results are modulo 2^32.
const BITS: u32 = 32;
/// Weights are within this: both parties know it.
const WEIGHT: u64 = 127;
/// Numbers of the products in their session.
const PRODUCTS: u64 = 3;

/// A socket, and what was sent.
struct Socket {
    reader: BufReader<TcpStream>,
    writer: BufWriter<TcpStream>,
    sent: usize,
}

impl Socket {
    fn new(stream: TcpStream) -> Result<Self, Failure> {
        stream.set_nodelay(true)?;
        Ok(Self {
            reader: BufReader::new(stream.try_clone()?),
            writer: BufWriter::new(stream),
            sent: 0,
        })
    }
}

impl Channel for Socket {
    type Error = std::io::Error;
    fn send(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.sent += bytes.len();
        self.writer.write_all(bytes)
    }
    fn recv(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.reader.read_exact(bytes)
    }
    fn flush(&mut self) -> Result<(), Self::Error> {
        self.writer.flush()
    }
}

/// What both derive from public numbers: they find the same encoding and parameters.
fn layer(mode: Mode) -> Result<Layer<Native>, Failure> {
    let shape = ConvShape::matmul(1, COLUMNS, ROWS);
    Ok(Layer::plan(&shape, PlainModulus::Bits(BITS), mode, WEIGHT)?)
}

fn matrix() -> Vec<i64> {
    (0..ROWS * COLUMNS)
        .map(|i| (i * 7919 % 255) as i64 - WEIGHT as i64)
        .collect()
}

fn vector() -> Vec<u64> {
    (0..COLUMNS as u64).map(|i| i * i % 1_000_003).collect()
}

fn serve(stream: TcpStream, mode: Mode, session: SessionId) -> Result<Vec<u64>, Failure> {
    let rng = &mut UnwrapErr(SysRng);
    let mut socket = Socket::new(stream)?;
    let layer = layer(mode)?;
    let weights = server::Weights::new(&layer, &matrix())?;
    let mut hello = vec![0; client::Key::message_len(&**layer.backend())];
    socket.recv(&mut hello)?;
    let key = layer.public_key(session, 0, &hello)?;
    let mut share = Vec::new();
    for step in 0..PRODUCTS {
        let product = server::Product::new(&layer, &key, &weights, step, None, rng)?;
        share = drive(product, &mut socket)?.into_vec();
    }
    println!(
        "  server sent {:>9} bytes for each product",
        socket.sent / PRODUCTS as usize
    );
    Ok(share)
}

fn ask(stream: TcpStream, mode: Mode, session: SessionId) -> Result<Vec<u64>, Failure> {
    let rng = &mut UnwrapErr(SysRng);
    let mut socket = Socket::new(stream)?;
    let layer = layer(mode)?;
    let mut hello = Vec::new();
    let key = layer.key(session, 0, rng, &mut hello);
    socket.send(&hello)?;
    println!("  client sent {:>9} bytes of its key", hello.len());
    let x = vector();
    let mut share = Vec::new();
    for step in 0..PRODUCTS {
        let begin = Instant::now();
        let product = client::Product::new(&layer, &key, step, &x, rng)?;
        share = drive(product, &mut socket)?.into_vec();
        println!(
            "  product {step} took {:.1} ms",
            begin.elapsed().as_secs_f64() * 1e3
        );
    }
    let each = (socket.sent - hello.len()) / PRODUCTS as usize;
    println!("  client sent {each:>9} bytes for each product");
    Ok(share)
}

fn main() -> Result<(), Failure> {
    let want: Vec<u64> = (matrix().chunks(COLUMNS))
        .map(|row| row.iter().zip(vector()).map(|(w, x)| *w as u64 * x))
        .map(|terms| terms.fold(0, u64::wrapping_add) % (1 << BITS))
        .collect();
    for mode in [Mode::Exact, Mode::Approximate] {
        println!("{mode:?}:");
        let session = SessionId::random(&mut UnwrapErr(SysRng));
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let to_server = TcpStream::connect(listener.local_addr()?)?;
        let to_client = listener.accept()?.0;
        let server = std::thread::spawn(move || serve(to_client, mode, session));
        let client = ask(to_server, mode, session)?;
        let server = server
            .join()
            .map_err(|_| "the server's thread ended in a panic")??;
        // Nobody has both shares in earnest: here they show that the product came out.
        let off = (client.iter().zip(&server).zip(&want))
            .map(|((a, b), y)| {
                (a.wrapping_add(*b).wrapping_sub(*y) << (64 - BITS)) as i64 >> (64 - BITS)
            })
            .map(i64::unsigned_abs)
            .max();
        println!(
            "  shares add up to the product, off by {} at most",
            off.unwrap_or(0)
        );
    }
    Ok(())
}
