//! Misuse that must not compile. The expected messages are those of the pinned compiler; after a change of it,
//! `TRYBUILD=overwrite` writes them anew for review.

#[test]
fn misuse_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
