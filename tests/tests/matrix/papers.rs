//! Certificates of all kinds, made by an authority of our own: `piquet certs` does not keep the key of its.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// Writes `ca.pem`, and for each peer a key and certificates for it: a good one, a second one that is as good,
/// one that has expired, one that is not valid yet, and one of an authority that nobody knows.
pub fn write(folder: &Path, peers: &[&str]) {
    let save = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
    let authority = |name: &str| {
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        ca.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = ca.self_signed(&key).unwrap().pem();
        (certificate, Issuer::new(ca, key))
    };
    let (certificate, issuer) = authority("authority of a test");
    let (_, stranger) = authority("another authority");
    save("ca.pem", certificate);
    for peer in peers {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![format!("{peer}.piquet")]).unwrap();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let sign = |params: &CertificateParams, issuer| {
            let signed = params.signed_by(&key, issuer).unwrap();
            signed.pem()
        };
        save(&format!("{peer}.key.pem"), key.serialize_pem());
        save(&format!("{peer}.pem"), sign(&params, &issuer));
        save(&format!("{peer}.second.pem"), sign(&params, &issuer));
        save(&format!("{peer}.stranger.pem"), sign(&params, &stranger));
        let mut early = params.clone();
        early.not_before = date_time_ymd(4000, 1, 1);
        save(&format!("{peer}.early.pem"), sign(&early, &issuer));
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
        save(&format!("{peer}.expired.pem"), sign(&params, &issuer));
    }
}
