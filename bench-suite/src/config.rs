//! The configuration that all parties and the client of a deployment share.
//!
//! ```toml
//! engine = "rep3"                   # of `piquet engines`
//! program = "program.json"          # what is computed; written by `piquet plan --program`
//! truncation = "stochastic"
//! authority = "ca.pem"
//! deadline_seconds = 60             # longest silence of a peer that is waited for
//! connect_seconds = 30              # how long to wait for the others to appear
//!
//! [[party]]
//! address = "10.0.0.1:7700"
//! certificate = "party-0.pem"
//! key = "party-0.key.pem"           # read by party 0 alone
//!
//! [dealer]                          # where the engine has one
//! address = "10.0.0.9:7700"
//! certificate = "dealer.pem"
//! key = "dealer.key.pem"
//!
//! [client]
//! certificate = "client.pem"
//! key = "client.key.pem"
//! ```
//!
//! Paths are relative to the file. Keys that are not listed here are refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::session::Limits;
use piquet_nn_ops::transport::tcp::{Addresses, Security};
use piquet_nn_ops::transport::tls::Credentials;
use piquet_nn_ops::transport::{self, Links, NetError, Peer};
use serde::{Deserialize, Serialize};

use crate::engines::Engine;

/// Largest configuration file.
const MAX_BYTES: usize = 1 << 20;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no configuration.
    #[error("{path}: {reason}", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The parser's words, with line and key.
        reason: String,
    },
    /// A value is out of its range.
    #[error("{0}")]
    Value(String),
    /// Certificates or keys.
    #[error(transparent)]
    Net(#[from] NetError),
}

/// Where one party is, and how the others know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyConfig {
    /// `host:port` that it listens at and the others call.
    pub address: String,
    /// Its certificate.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// Its private key.
    #[serde(default)]
    pub key: Option<PathBuf>,
}

/// How the parties know the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientConfig {
    /// Its certificate.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// Its private key.
    #[serde(default)]
    pub key: Option<PathBuf>,
}

/// A slower network than there is, for measurements.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Of each direction of each link.
    pub megabits_per_second: f64,
    /// One way.
    pub delay_milliseconds: f64,
}

impl Network {
    /// Refuses what is no bandwidth or no delay.
    pub fn check(&self) -> Result<(), ConfigError> {
        let good = (0.001..=1e6).contains(&self.megabits_per_second)
            && (0.0..=60_000.0).contains(&self.delay_milliseconds);
        good.then_some(()).ok_or_else(|| {
            ConfigError::Value(
                "network: between 0.001 and 10^6 Mbit/s, and at most 60 s of delay".to_owned(),
            )
        })
    }
    /// Name for reports.
    #[must_use]
    pub fn describe(network: Option<&Self>) -> String {
        network.map_or_else(
            || "loopback".to_owned(),
            |n| {
                format!(
                    "shaped {} Mbit/s {} ms",
                    n.megabits_per_second, n.delay_milliseconds
                )
            },
        )
    }
}

fn default_deadline() -> u64 {
    60
}
fn default_connect() -> u64 {
    30
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The protocol suite.
    pub engine: Engine,
    /// The public program.
    pub program: PathBuf,
    /// How products are rescaled.
    pub truncation: Truncation,
    /// Certificate of the authority that signed the others.
    #[serde(default)]
    pub authority: Option<PathBuf>,
    /// Threads of each party; by default the cores divided by the parties.
    #[serde(default)]
    pub threads: Option<usize>,
    /// Longest silence of a peer that is waited for, in seconds.
    #[serde(default = "default_deadline")]
    pub deadline_seconds: u64,
    /// How long to wait for the others to appear, in seconds.
    #[serde(default = "default_connect")]
    pub connect_seconds: u64,
    /// No TLS: whoever is on the path reads and changes everything.
    #[serde(default)]
    pub insecure_plaintext: bool,
    /// A slower network than there is.
    #[serde(default)]
    pub network: Option<Network>,
    /// The parties, in order.
    #[serde(rename = "party")]
    pub parties: Vec<PartyConfig>,
    /// Who deals correlated randomness, where the engine has such a one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dealer: Option<PartyConfig>,
    /// The owner of model, input and result.
    pub client: ClientConfig,
    /// Where relative paths start.
    #[serde(skip)]
    base: PathBuf,
}

impl Config {
    /// A configuration with the file names that `piquet certs` writes.
    #[must_use]
    pub fn local(
        addresses: &Addresses,
        engine: Engine,
        program: &str,
        truncation: Truncation,
    ) -> Self {
        let listener = |address: &String, name: &str| PartyConfig {
            address: address.clone(),
            certificate: Some(format!("{name}.pem").into()),
            key: Some(format!("{name}.key.pem").into()),
        };
        let parties = addresses.parties.iter().enumerate();
        Self {
            engine,
            program: program.into(),
            truncation,
            authority: Some("ca.pem".into()),
            threads: None,
            deadline_seconds: default_deadline(),
            connect_seconds: default_connect(),
            insecure_plaintext: false,
            network: None,
            parties: parties
                .map(|(i, address)| listener(address, &format!("party-{i}")))
                .collect(),
            dealer: addresses.dealer.as_ref().map(|a| listener(a, "dealer")),
            client: ClientConfig {
                certificate: Some("client.pem".into()),
                key: Some("client.key.pem".into()),
            },
            base: PathBuf::new(),
        }
    }

    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let io = |source| ConfigError::Io {
            path: path.to_owned(),
            source,
        };
        let len = std::fs::metadata(path).map_err(io)?.len();
        let syntax = |reason: String| ConfigError::Syntax {
            path: path.to_owned(),
            reason,
        };
        if len > MAX_BYTES as u64 {
            return Err(syntax(format!("{len} bytes, and {MAX_BYTES} at most")));
        }
        let text = std::fs::read_to_string(path).map_err(io)?;
        let mut config = Self::parse(&text).map_err(|e| syntax(e.to_string()))?;
        config.base = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(config)
    }

    fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|e| ConfigError::Value(e.to_string()))?;
        config.check()?;
        Ok(config)
    }

    /// The file's text.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        toml::to_string_pretty(self).map_err(|e| ConfigError::Value(e.to_string()))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let refuse = |what: String| Err(ConfigError::Value(what));
        let cast = self.engine.cast(self.parties.len());
        let cast = cast.map_err(ConfigError::Value)?;
        if cast.dealer != self.dealer.is_some() {
            return refuse(format!(
                "engine {} has {} dealer, and the file lists {}",
                self.engine,
                if cast.dealer { "a" } else { "no" },
                if cast.dealer { "none" } else { "one" },
            ));
        }
        for seconds in [self.deadline_seconds, self.connect_seconds] {
            if !(1..=86_400).contains(&seconds) {
                return refuse(format!("{seconds} s is no deadline: 1 to 86400 s"));
            }
        }
        if self.threads.is_some_and(|t| !(1..=1024).contains(&t)) {
            return refuse("threads: 1 to 1024".to_owned());
        }
        self.network.as_ref().map_or(Ok(()), Network::check)
    }

    /// Path of the program file.
    #[must_use]
    pub fn program_path(&self) -> PathBuf {
        self.base.join(&self.program)
    }

    /// Who listens where, and that a client will call.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        Addresses {
            parties: self.parties.iter().map(|p| p.address.clone()).collect(),
            dealer: self.dealer.as_ref().map(|d| d.address.clone()),
            client: true,
        }
    }

    /// Threads of a party, if all of them run on this machine.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            (cores / self.parties.len().max(1)).max(1)
        })
    }

    /// Deadlines of a session.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            deadline: Duration::from_secs(self.deadline_seconds),
            ..Limits::default()
        }
    }

    /// Connects `me` to everyone else. A party takes its port first, so that a port in use is told at once.
    pub fn connect(&self, me: Peer) -> Result<Links, ConfigError> {
        let addresses = self.addresses();
        let own = match me {
            Peer::Party(id) => self.parties.get(id.index()),
            Peer::Dealer => self.dealer.as_ref(),
            Peer::Client => None,
        };
        let listener = match (me, own) {
            (Peer::Client, _) => None,
            (_, Some(own)) => Some(transport::tcp::Listener::bind(&own.address)?),
            (_, None) => {
                let reason = format!("there is no {me} in the configuration");
                return Err(ConfigError::Value(reason));
            }
        };
        let security = self.security(me)?;
        let patience = Duration::from_secs(self.connect_seconds);
        let links = transport::tcp::connect(me, listener, &addresses, &security, patience)?;
        match &self.network {
            None => Ok(links),
            Some(n) => Ok(transport::shaped::shape(
                links,
                transport::shaped::Shape {
                    bandwidth: n.megabits_per_second * 1e6 / 8.0,
                    delay: Duration::from_secs_f64(n.delay_milliseconds / 1e3),
                },
            )?),
        }
    }

    fn security(&self, me: Peer) -> Result<Security, ConfigError> {
        if self.insecure_plaintext {
            return Ok(Security::InsecurePlaintext);
        }
        let need = |what: &str, path: &Option<PathBuf>| {
            path.as_ref()
                .map(|p| self.base.join(p))
                .ok_or_else(|| ConfigError::Value(format!("the configuration has no {what}")))
        };
        let mut certificates = BTreeMap::new();
        let client = (Peer::Client, &self.client.certificate, &self.client.key);
        let dealer = self.dealer.iter();
        let dealer = dealer.map(|d| (Peer::Dealer, &d.certificate, &d.key));
        let all = (0u8..)
            .zip(&self.parties)
            .map(|(i, p)| (Peer::party(i), &p.certificate, &p.key))
            .chain(dealer)
            .chain([client]);
        let mut own_key = None;
        for (peer, certificate, key) in all {
            certificates.insert(peer, need(&format!("certificate of {peer}"), certificate)?);
            if peer == me {
                own_key = Some(need(&format!("key of {peer}"), key)?);
            }
        }
        let authority = need("authority", &self.authority)?;
        let (Some(own), Some(key)) = (certificates.remove(&me), own_key) else {
            return Err(ConfigError::Value(format!(
                "there is no {me} in the configuration"
            )));
        };
        Ok(Security::Tls(Credentials::from_pem(
            &authority,
            &own,
            &key,
            &certificates,
        )?))
    }
}

/// Whatever these bytes are, nothing panics.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    if let Ok(text) = core::str::from_utf8(bytes) {
        let _ = Config::parse(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Config {
        let addresses = Addresses {
            parties: (0..3).map(|i| format!("127.0.0.1:77{i:02}")).collect(),
            dealer: None,
            client: true,
        };
        Config::local(&addresses, Engine::Rep3, "program.json", Truncation::Exact)
    }

    #[test]
    fn the_text_reads_back() {
        let mut config = example();
        config.network = Some(Network {
            megabits_per_second: 400.0,
            delay_milliseconds: 40.0,
        });
        assert_eq!(Config::parse(&config.to_toml().unwrap()).unwrap(), config);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good = example().to_toml().unwrap();
        for (from, to, word) in [
            ("engine = \"rep3\"", "engine = \"rep4\"", "rep4"),
            (
                "engine = \"rep3\"",
                "engine = \"rep3\"\ncolour = 3",
                "colour",
            ),
            ("\"exact\"", "\"sometimes\"", "sometimes"),
            ("deadline_seconds = 60", "deadline_seconds = 0", "deadline"),
            ("[[party]]", "[[partie]]", "partie"),
            (
                "[client]",
                "[network]\nmegabits_per_second = 0.0\ndelay_milliseconds = 1.0\n[client]",
                "network",
            ),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            let e = Config::parse(&bad).unwrap_err().to_string();
            assert!(e.contains(word), "{word}: {e}");
        }
        let mut two = example();
        two.parties.pop();
        assert!(Config::parse(&two.to_toml().unwrap()).is_err());
    }

    #[test]
    fn a_missing_key_is_told_before_anyone_is_called() {
        let mut config = example();
        config.parties[0].address = "127.0.0.1:0".into();
        let e = config.connect(Peer::party(0)).unwrap_err().to_string();
        assert!(e.contains(".pem"), "{e}");
        config.parties[0].key = None;
        let e = config.connect(Peer::party(0)).unwrap_err().to_string();
        assert!(e.contains("key of party 0"), "{e}");
    }
}
