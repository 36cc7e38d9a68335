//! Microsoft SEAL's objects by their C symbols, each destroyed when it is dropped.
//!
//! `seal_fhe` links the library, and makes contexts. It has no transforms, no seeded encryption whose bytes are of a
//! fixed length, and no way to a ciphertext's data: those symbols are declared here. A call gives a result code, 0 if
//! all went well; C++ exceptions of SEAL's own become such codes. Others (memory is out, the system gives no
//! randomness) unwind through `C-unwind` as panics that cannot be caught.
#![allow(unsafe_code)]

use core::ffi::{c_long, c_void};
use core::ptr::{NonNull, null_mut};

use seal_fhe::Context;

type Raw = *mut c_void;

/// What tells the levels of a chain of moduli apart.
pub(super) type Level = [u64; 4];

/// SEAL's serialization without compression.
const PLAIN: u8 = 0;

/// SEAL gave a result code other than 0.
#[derive(Debug)]
pub(super) struct Refused;

unsafe extern "C-unwind" {
    fn SEALContext_FirstParmsId(this: Raw, level: *mut u64) -> c_long;

    fn MemoryPoolHandle_New(clear: bool, handle: *mut Raw) -> c_long;
    fn MemoryPoolHandle_Destroy(this: Raw) -> c_long;

    fn KeyGenerator_Create1(context: Raw, generator: *mut Raw) -> c_long;
    fn KeyGenerator_Create2(context: Raw, key: Raw, generator: *mut Raw) -> c_long;
    fn KeyGenerator_SecretKey(this: Raw, key: *mut Raw) -> c_long;
    fn KeyGenerator_CreatePublicKey(this: Raw, save_seed: bool, key: *mut Raw) -> c_long;
    fn KeyGenerator_Destroy(this: Raw) -> c_long;

    fn SecretKey_Destroy(this: Raw) -> c_long;

    fn PublicKey_Create1(key: *mut Raw) -> c_long;
    fn PublicKey_SaveSize(this: Raw, compression: u8, size: *mut i64) -> c_long;
    fn PublicKey_Save(
        this: Raw,
        out: *mut u8,
        size: u64,
        compression: u8,
        wrote: *mut i64,
    ) -> c_long;
    fn PublicKey_Load(this: Raw, context: Raw, bytes: *mut u8, len: u64, read: *mut i64) -> c_long;
    fn PublicKey_Destroy(this: Raw) -> c_long;

    fn Plaintext_Create1(pool: Raw, plain: *mut Raw) -> c_long;
    fn Plaintext_Set4(this: Raw, count: u64, coefficients: *mut u64) -> c_long;
    fn Plaintext_CoeffCount(this: Raw, count: *mut u64) -> c_long;
    fn Plaintext_CoeffAt(this: Raw, index: u64, coefficient: *mut u64) -> c_long;
    fn Plaintext_Destroy(this: Raw) -> c_long;

    fn Ciphertext_Create1(pool: Raw, cipher: *mut Raw) -> c_long;
    fn Ciphertext_Create2(copy: Raw, cipher: *mut Raw) -> c_long;
    fn Ciphertext_Resize1(this: Raw, context: Raw, level: *mut u64, size: u64) -> c_long;
    fn Ciphertext_ParmsId(this: Raw, level: *mut u64) -> c_long;
    fn Ciphertext_GetDataAt1(this: Raw, index: u64, word: *mut u64) -> c_long;
    fn Ciphertext_SetDataAt(this: Raw, index: u64, word: u64) -> c_long;
    fn Ciphertext_SaveSize(this: Raw, compression: u8, size: *mut i64) -> c_long;
    fn Ciphertext_Save(
        this: Raw,
        out: *mut u8,
        size: u64,
        compression: u8,
        wrote: *mut i64,
    ) -> c_long;
    fn Ciphertext_Load(this: Raw, context: Raw, bytes: *mut u8, len: u64, read: *mut i64)
    -> c_long;
    fn Ciphertext_Destroy(this: Raw) -> c_long;

    fn Encryptor_Create(context: Raw, public: Raw, secret: Raw, encryptor: *mut Raw) -> c_long;
    fn Encryptor_EncryptSymmetric(
        this: Raw,
        plain: Raw,
        save_seed: bool,
        out: Raw,
        pool: Raw,
    ) -> c_long;
    fn Encryptor_EncryptZero1(this: Raw, level: *mut u64, out: Raw, pool: Raw) -> c_long;
    fn Encryptor_Destroy(this: Raw) -> c_long;

    fn Decryptor_Create(context: Raw, secret: Raw, decryptor: *mut Raw) -> c_long;
    fn Decryptor_Decrypt(this: Raw, cipher: Raw, plain: Raw) -> c_long;
    fn Decryptor_Destroy(this: Raw) -> c_long;

    fn Evaluator_Create(context: Raw, evaluator: *mut Raw) -> c_long;
    fn Evaluator_Add(this: Raw, a: Raw, b: Raw, out: Raw) -> c_long;
    fn Evaluator_AddPlain(this: Raw, cipher: Raw, plain: Raw, out: Raw) -> c_long;
    fn Evaluator_MultiplyPlain(this: Raw, cipher: Raw, plain: Raw, out: Raw, pool: Raw) -> c_long;
    fn Evaluator_TransformToNTT1(
        this: Raw,
        plain: Raw,
        level: *mut u64,
        out: Raw,
        pool: Raw,
    ) -> c_long;
    fn Evaluator_TransformToNTT2(this: Raw, cipher: Raw, out: Raw) -> c_long;
    fn Evaluator_TransformFromNTT(this: Raw, cipher: Raw, out: Raw) -> c_long;
    fn Evaluator_ModSwitchToNext1(this: Raw, cipher: Raw, out: Raw, pool: Raw) -> c_long;
    fn Evaluator_ModSwitchTo1(
        this: Raw,
        cipher: Raw,
        level: *mut u64,
        out: Raw,
        pool: Raw,
    ) -> c_long;
    fn Evaluator_Destroy(this: Raw) -> c_long;
}

fn checked(code: c_long) -> Result<(), Refused> {
    if code == 0 { Ok(()) } else { Err(Refused) }
}

/// For calls whose arguments this crate has made or checked: that SEAL refuses them is a bug here, and nothing that a
/// peer sends can cause it.
fn must(code: c_long) {
    checked(code).unwrap_or_else(bug);
}

#[cold]
#[allow(clippy::panic)]
pub(super) fn bug<T>(_: Refused) -> T {
    panic!("SEAL refused a call whose arguments were checked")
}

/// The object that `create` makes.
fn made(create: impl FnOnce(*mut Raw) -> c_long) -> Result<NonNull<c_void>, Refused> {
    let mut raw = null_mut();
    checked(create(&mut raw))?;
    NonNull::new(raw).ok_or(Refused)
}

/// Objects of SEAL that belong to Rust values. All are sent between threads: SEAL keeps no state of a thread in them,
/// and the pools that their memory comes from are locked. Shared ones are only given to methods that SEAL has as
/// `const` (the decryptor's is not, but writes only when it meets ciphertexts of more than two polynomials, under a
/// lock).
macro_rules! owned {
    ($($(#[$doc:meta])* $name:ident, $destroy:ident;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name(NonNull<c_void>);

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: the object is of this type, this value's alone, and not used again.
                unsafe { $destroy(self.0.as_ptr()) };
            }
        }

        // SAFETY: see the macro's documentation.
        unsafe impl Send for $name {}
        // SAFETY: see the macro's documentation.
        unsafe impl Sync for $name {}

        impl $name {
            fn raw(&self) -> Raw {
                self.0.as_ptr()
            }
        }
    )*};
}

owned! {
    /// Memory that is overwritten when all that was made of it is gone.
    Pool, MemoryPoolHandle_Destroy;
    /// Makes keys.
    KeyGenerator, KeyGenerator_Destroy;
    /// A secret key; overwritten when it is dropped, in SEAL as well.
    SecretKey, SecretKey_Destroy;
    /// A public key.
    PublicKey, PublicKey_Destroy;
    /// A plaintext polynomial, as coefficients or as points.
    Plaintext, Plaintext_Destroy;
    /// An encrypted polynomial, as coefficients or as points.
    Ciphertext, Ciphertext_Destroy;
    /// Encrypts under the key it was made for.
    Encryptor, Encryptor_Destroy;
    /// Decrypts.
    Decryptor, Decryptor_Destroy;
    /// Calculates with ciphertexts.
    Evaluator, Evaluator_Destroy;
}

/// The level of ciphertexts before any of their primes is dropped.
pub(super) fn first_level(context: &Context) -> Level {
    let mut level = Level::default();
    // SAFETY: the context is alive, and a level is four words.
    must(unsafe { SEALContext_FirstParmsId(context.get_handle(), level.as_mut_ptr()) });
    level
}

/// What a saving pair of symbols writes.
fn saved(
    size: impl FnOnce(*mut i64) -> c_long,
    save: impl FnOnce(*mut u8, u64, *mut i64) -> c_long,
) -> Vec<u8> {
    let (mut len, mut wrote) = (0, 0);
    must(size(&mut len));
    let mut out = vec![0; usize::try_from(len).unwrap_or(0)];
    must(save(out.as_mut_ptr(), out.len() as u64, &mut wrote));
    out.truncate(usize::try_from(wrote).unwrap_or(0));
    out
}

impl Pool {
    pub(super) fn new() -> Result<Self, Refused> {
        // SAFETY: the pointer is to a place for the new object.
        made(|to| unsafe { MemoryPoolHandle_New(true, to) }).map(Self)
    }
}

impl KeyGenerator {
    /// Draws a secret key. Refused where SEAL takes the context's parameters for invalid.
    pub(super) fn new(context: &Context) -> Result<Self, Refused> {
        // SAFETY: the context is alive; SEAL copies what it keeps of it.
        made(|to| unsafe { KeyGenerator_Create1(context.get_handle(), to) }).map(Self)
    }
    /// For a secret key of the same context.
    pub(super) fn of(context: &Context, key: &SecretKey) -> Result<Self, Refused> {
        // SAFETY: context and key are alive; SEAL copies what it keeps of them.
        made(|to| unsafe { KeyGenerator_Create2(context.get_handle(), key.raw(), to) }).map(Self)
    }
    pub(super) fn secret_key(&self) -> Result<SecretKey, Refused> {
        // SAFETY: the generator is alive, and gives a copy.
        made(|to| unsafe { KeyGenerator_SecretKey(self.raw(), to) }).map(SecretKey)
    }
    /// A public key that only can be saved: a seed stands for its uniform half.
    pub(super) fn seeded_public_key(&self) -> Result<PublicKey, Refused> {
        // SAFETY: the generator is alive, and gives a new object.
        made(|to| unsafe { KeyGenerator_CreatePublicKey(self.raw(), true, to) }).map(PublicKey)
    }
}

impl PublicKey {
    pub(super) fn save(&self) -> Vec<u8> {
        saved(
            // SAFETY: the key is alive, the pointer to a place for the size.
            |len| unsafe { PublicKey_SaveSize(self.raw(), PLAIN, len) },
            // SAFETY: as before; SEAL writes no more than the given bytes.
            |out, len, wrote| unsafe { PublicKey_Save(self.raw(), out, len, PLAIN, wrote) },
        )
    }
    /// Reads a key; refused unless SEAL finds it valid for the context.
    pub(super) fn load(context: &Context, bytes: &[u8]) -> Result<Self, Refused> {
        // SAFETY: the pointer is to a place for the new object.
        let key = made(|to| unsafe { PublicKey_Create1(to) }).map(Self)?;
        let (from, len, mut read) = (bytes.as_ptr().cast_mut(), bytes.len() as u64, 0);
        // SAFETY: all are alive; SEAL only reads the bytes, and not past their end.
        let code = unsafe { PublicKey_Load(key.raw(), context.get_handle(), from, len, &mut read) };
        checked(code).map(|()| key)
    }
}

impl Plaintext {
    /// The zero polynomial; where it and what is calculated from it lie, is overwritten in the end.
    pub(super) fn new(pool: &Pool) -> Self {
        // SAFETY: the pool is alive; the plaintext takes a share in it.
        let plain = made(|to| unsafe { Plaintext_Create1(pool.raw(), to) });
        Self(plain.unwrap_or_else(bug))
    }
    /// Coefficients, which have to be below the plaintext modulus.
    pub(super) fn of(pool: &Pool, coefficients: &[u64]) -> Self {
        let plain = Self::new(pool);
        let from = coefficients.as_ptr().cast_mut();
        // SAFETY: SEAL reads just so many words.
        must(unsafe { Plaintext_Set4(plain.raw(), coefficients.len() as u64, from) });
        plain
    }
    /// Coefficients up to the last that is not 0.
    pub(super) fn len(&self) -> usize {
        let mut len = 0;
        // SAFETY: the plaintext is alive, the pointer to a word.
        must(unsafe { Plaintext_CoeffCount(self.raw(), &mut len) });
        len as usize
    }
    pub(super) fn get(&self, i: usize) -> u64 {
        let mut x = 0;
        // SAFETY: as before; SEAL checks the index.
        must(unsafe { Plaintext_CoeffAt(self.raw(), i as u64, &mut x) });
        x
    }
}

impl Ciphertext {
    fn empty() -> Self {
        // SAFETY: no pool is the global one; the pointer is to a place for the new object.
        let cipher = made(|to| unsafe { Ciphertext_Create1(null_mut(), to) });
        Self(cipher.unwrap_or_else(bug))
    }
    /// Two polynomials of zeros.
    pub(super) fn zero(context: &Context, mut level: Level) -> Self {
        let cipher = Self::empty();
        // SAFETY: all are alive, and a level is four words; SEAL looks it up before it uses it.
        must(unsafe {
            Ciphertext_Resize1(cipher.raw(), context.get_handle(), level.as_mut_ptr(), 2)
        });
        cipher
    }
    pub(super) fn copy(&self) -> Self {
        // SAFETY: the ciphertext is alive, and the copy owns what it has.
        let cipher = made(|to| unsafe { Ciphertext_Create2(self.raw(), to) });
        Self(cipher.unwrap_or_else(bug))
    }
    pub(super) fn level(&self) -> Level {
        let mut level = Level::default();
        // SAFETY: the ciphertext is alive, and a level is four words.
        must(unsafe { Ciphertext_ParmsId(self.raw(), level.as_mut_ptr()) });
        level
    }
    /// Word `i`: polynomial by polynomial, prime by prime.
    pub(super) fn get(&self, i: usize) -> u64 {
        let mut x = 0;
        // SAFETY: as before; SEAL checks the index.
        must(unsafe { Ciphertext_GetDataAt1(self.raw(), i as u64, &mut x) });
        x
    }
    /// Sets word `i`, which has to be below its prime.
    pub(super) fn set(&mut self, i: usize, x: u64) {
        // SAFETY: as before; SEAL checks the index.
        must(unsafe { Ciphertext_SetDataAt(self.raw(), i as u64, x) });
    }
    pub(super) fn save(&self) -> Vec<u8> {
        saved(
            // SAFETY: the ciphertext is alive, the pointer to a place for the size.
            |len| unsafe { Ciphertext_SaveSize(self.raw(), PLAIN, len) },
            // SAFETY: as before; SEAL writes no more than the given bytes.
            |out, len, wrote| unsafe { Ciphertext_Save(self.raw(), out, len, PLAIN, wrote) },
        )
    }
    /// Reads a ciphertext, its seed expanded; refused unless SEAL finds it valid for the context.
    pub(super) fn load(context: &Context, bytes: &[u8]) -> Result<Self, Refused> {
        let cipher = Self::empty();
        let (from, len, mut read) = (bytes.as_ptr().cast_mut(), bytes.len() as u64, 0);
        // SAFETY: all are alive; SEAL only reads the bytes, and not past their end.
        let code =
            unsafe { Ciphertext_Load(cipher.raw(), context.get_handle(), from, len, &mut read) };
        checked(code).map(|()| cipher)
    }
}

impl Encryptor {
    pub(super) fn secret(context: &Context, key: &SecretKey) -> Result<Self, Refused> {
        // SAFETY: context and key are alive, and copied; a null pointer stands for no public key.
        made(|to| unsafe { Encryptor_Create(context.get_handle(), null_mut(), key.raw(), to) })
            .map(Self)
    }
    pub(super) fn public(context: &Context, key: &PublicKey) -> Result<Self, Refused> {
        // SAFETY: context and key are alive, and copied; a null pointer stands for no secret key.
        made(|to| unsafe { Encryptor_Create(context.get_handle(), key.raw(), null_mut(), to) })
            .map(Self)
    }
    /// Under the secret key. With `save_seed` the ciphertext can only be saved.
    pub(super) fn symmetric(&self, plain: &Plaintext, save_seed: bool, pool: &Pool) -> Ciphertext {
        let to = Ciphertext::empty();
        // SAFETY: all are alive, and `to` is nobody else's.
        must(unsafe {
            Encryptor_EncryptSymmetric(self.raw(), plain.raw(), save_seed, to.raw(), pool.raw())
        });
        to
    }
    /// Zero, under the public key.
    pub(super) fn zero(&self, mut level: Level, pool: &Pool) -> Ciphertext {
        let to = Ciphertext::empty();
        // SAFETY: as before; a level is four words.
        must(unsafe {
            Encryptor_EncryptZero1(self.raw(), level.as_mut_ptr(), to.raw(), pool.raw())
        });
        to
    }
}

impl Decryptor {
    pub(super) fn new(context: &Context, key: &SecretKey) -> Result<Self, Refused> {
        // SAFETY: context and key are alive, and copied.
        made(|to| unsafe { Decryptor_Create(context.get_handle(), key.raw(), to) }).map(Self)
    }
    pub(super) fn decrypt(&self, cipher: &Ciphertext, pool: &Pool) -> Plaintext {
        let to = Plaintext::new(pool);
        // SAFETY: all are alive, and `to` is nobody else's.
        must(unsafe { Decryptor_Decrypt(self.raw(), cipher.raw(), to.raw()) });
        to
    }
}

impl Evaluator {
    pub(super) fn new(context: &Context) -> Result<Self, Refused> {
        // SAFETY: the context is alive, and copied.
        made(|to| unsafe { Evaluator_Create(context.get_handle(), to) }).map(Self)
    }
    pub(super) fn add(&self, sum: &mut Ciphertext, other: &Ciphertext) {
        // SAFETY: all are alive; SEAL lets the result be the first argument.
        must(unsafe { Evaluator_Add(self.raw(), sum.raw(), other.raw(), sum.raw()) });
    }
    pub(super) fn add_plain(&self, sum: &mut Ciphertext, plain: &Plaintext) {
        // SAFETY: as before.
        must(unsafe { Evaluator_AddPlain(self.raw(), sum.raw(), plain.raw(), sum.raw()) });
    }
    /// Both as points of the same level.
    pub(super) fn multiply(&self, cipher: &Ciphertext, plain: &Plaintext) -> Ciphertext {
        let to = Ciphertext::empty();
        // SAFETY: all are alive; no pool is the global one.
        must(unsafe {
            let (c, p) = (cipher.raw(), plain.raw());
            Evaluator_MultiplyPlain(self.raw(), c, p, to.raw(), null_mut())
        });
        to
    }
    /// Points of a plaintext, its coefficients taken to their representatives of least absolute value.
    pub(super) fn plain_points(&self, plain: &mut Plaintext, mut level: Level, pool: &Pool) {
        // SAFETY: all are alive; SEAL lets the result be the argument; a level is four words.
        must(unsafe {
            let (p, level) = (plain.raw(), level.as_mut_ptr());
            Evaluator_TransformToNTT1(self.raw(), p, level, p, pool.raw())
        });
    }
    pub(super) fn points(&self, cipher: &mut Ciphertext) {
        // SAFETY: all are alive; SEAL lets the result be the argument.
        must(unsafe { Evaluator_TransformToNTT2(self.raw(), cipher.raw(), cipher.raw()) });
    }
    pub(super) fn coefficients(&self, cipher: &mut Ciphertext) {
        // SAFETY: as before.
        must(unsafe { Evaluator_TransformFromNTT(self.raw(), cipher.raw(), cipher.raw()) });
    }
    /// Drops one prime.
    pub(super) fn drop_one(&self, cipher: &mut Ciphertext) {
        let c = cipher.raw();
        // SAFETY: as before; no pool is the global one.
        must(unsafe { Evaluator_ModSwitchToNext1(self.raw(), c, c, null_mut()) });
    }
    /// Drops primes down to a level.
    pub(super) fn drop_to(&self, cipher: &mut Ciphertext, mut level: Level) {
        let (c, level) = (cipher.raw(), level.as_mut_ptr());
        // SAFETY: as before; a level is four words.
        must(unsafe { Evaluator_ModSwitchTo1(self.raw(), c, level, c, null_mut()) });
    }
}
