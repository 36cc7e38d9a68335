//! The cells of the matrix: an engine, a phase, a peer and what befalls it, and what all others must say to it.

use super::proxy::{Spoil, Weather};

/// A protocol suite as the matrix sees it.
#[derive(Debug)]
pub struct Engine {
    pub name: &'static str,
    /// Everyone, by the names of their files: the parties, the dealer if there is one, the client. Whoever stands later calls.
    pub peers: &'static [&'static str],
    pub phases: &'static [Phase],
}

/// Three parties without a dealer make all correlations as they go, so there is no offline phase.
pub const REP3: Engine = Engine {
    name: "rep3",
    peers: &["party-0", "party-1", "party-2", "client"],
    phases: &[
        Phase::Connecting,
        Phase::Handshake,
        Phase::Setup,
        Phase::Online,
        Phase::Result,
    ],
};

/// Two parties, and a dealer who is busy offline, when the parties wait for it alone.
pub const SEMI2K: Engine = Engine {
    name: "semi2k",
    peers: &["party-0", "party-1", "dealer", "client"],
    phases: &[
        Phase::Connecting,
        Phase::Handshake,
        Phase::Setup,
        Phase::Offline,
        Phase::Online,
        Phase::Result,
    ],
};

impl Engine {
    pub fn dealer(&self) -> Option<usize> {
        self.peers.iter().position(|p| *p == "dealer")
    }

    /// Whose progress tells that the phase has come to this peer, if it ever does.
    pub fn pacer(&self, peer: usize, phase: Phase) -> Option<usize> {
        match phase {
            // Everyone else waits for the dealer meanwhile.
            Phase::Offline => self.dealer(),
            // It waits for nobody, so its offline phase lasts until its result.
            Phase::Online if self.dealer() == Some(peer) => None,
            _ => Some(peer),
        }
    }

    pub fn is_client(&self, peer: usize) -> bool {
        self.peers[peer] == "client"
    }

    /// Everyone who listens.
    pub fn listeners(&self) -> impl Iterator<Item = &'static str> {
        self.peers.iter().copied().filter(|p| *p != "client")
    }

    /// Whether the peer sends messages of its program in this phase: a client that has its result only says goodbye.
    fn speaks(&self, peer: usize, phase: Phase) -> bool {
        match phase {
            Phase::Offline => self.dealer() == Some(peer),
            Phase::Result => !self.is_client(peer),
            _ => true,
        }
    }
}

/// As an error names it.
pub fn spoken(peer: &str) -> String {
    match peer.strip_prefix("party-") {
        Some(id) => format!("party {id}"),
        None => format!("the {peer}"),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Connecting,
    Handshake,
    Setup,
    Offline,
    Online,
    Result,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Handshake => "handshake",
            Self::Setup => "set-up",
            Self::Offline => "offline",
            Self::Online => "online",
            Self::Result => "result",
        }
    }
}

/// What befalls a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    Killed,
    Stopped,
    Reset,
    Vanished,
    Slow,
    TooSlow,
    Garbage,
    Header,
    Short,
    Torn,
    Lost,
    Long,
    Extra,
    Flood,
    Swapped,
    Session,
    Replayed,
    // Who it is and what it came for, which shows while connecting or at the handshake.
    Anonymous,
    Plaintext,
    Impostor,
    Stranger,
    Second,
    Expired,
    Early,
    Mismatch,
    Greeting,
    Version,
    Engine,
    Ring,
    Options,
    Model,
}

/// How it is brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    Signal(&'static str),
    Weather(Weather),
    /// The peer falsifies a frame to each other peer, by this name.
    Frame(&'static str),
    /// Its files are others, or everyone's are.
    Files(Change),
}

/// A change of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The peer shows a certificate of this kind; everyone knows the good one.
    Shows(&'static str),
    /// Everyone takes the one of this kind for the peer's.
    Pinned(&'static str),
    /// The peer has certificate and key of another.
    Borrowed,
    /// The peer's key is another's.
    Mismatched,
    /// It does not use TLS.
    Plaintext,
    /// It is started for another program.
    Program,
    /// It is started with other options.
    Options,
}

impl Fault {
    pub const ALL: [Self; 31] = [
        Self::Killed,
        Self::Stopped,
        Self::Reset,
        Self::Vanished,
        Self::Slow,
        Self::TooSlow,
        Self::Garbage,
        Self::Header,
        Self::Short,
        Self::Torn,
        Self::Lost,
        Self::Long,
        Self::Extra,
        Self::Flood,
        Self::Swapped,
        Self::Session,
        Self::Replayed,
        Self::Anonymous,
        Self::Plaintext,
        Self::Impostor,
        Self::Stranger,
        Self::Second,
        Self::Expired,
        Self::Early,
        Self::Mismatch,
        Self::Greeting,
        Self::Version,
        Self::Engine,
        Self::Ring,
        Self::Options,
        Self::Model,
    ];

    /// Whether it is about who the peer is and what it came for, rather than about what befalls it.
    pub fn is_of_identity(self) -> bool {
        self >= Self::Anonymous
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed (SIGKILL)",
            Self::Stopped => "stopped (SIGSTOP)",
            Self::Reset => "cut off: its connections are reset",
            Self::Vanished => "cut off: nothing passes, nobody is told",
            Self::Slow => "slow, but within the deadline",
            Self::TooSlow => "too slow: a byte every 0.3 s",
            Self::Garbage => "garbage of the right length",
            Self::Header => "garbage, frame header and all",
            Self::Short => "too little: a message is a byte short",
            Self::Torn => "too little: the stream ends in a frame",
            Self::Lost => "too little: a message is left out",
            Self::Long => "too much: a message is a byte long",
            Self::Extra => "too much: a message nobody asked for",
            Self::Flood => "too much: a flood of such messages",
            Self::Swapped => "out of order: two frames are swapped",
            Self::Session => "a frame of another session",
            Self::Replayed => "replayed: a frame comes twice",
            Self::Anonymous => "no certificate",
            Self::Plaintext => "no TLS",
            Self::Impostor => "certificate and key of another peer",
            Self::Stranger => "certificate of an unknown authority",
            Self::Second => "certificate that is not the agreed one",
            Self::Expired => "certificate that has expired",
            Self::Early => "certificate that is not valid yet",
            Self::Mismatch => "key that is not the certificate's",
            Self::Greeting => "other version of the greeting (without TLS)",
            Self::Version => "other version",
            Self::Engine => "other engine",
            Self::Ring => "other ring",
            Self::Options => "other truncation",
            Self::Model => "other model",
        }
    }

    /// How it is done to a peer in this phase; before there are frames it is done to the bytes of its connections.
    pub fn means(self, phase: Phase) -> Option<Means> {
        let spoil = |s| Means::Weather(Weather::Spoilt(s));
        let early = phase == Phase::Connecting;
        let handshake = phase == Phase::Handshake;
        if let Some(means) = self.identity() {
            let shows = self < Self::Version;
            return (if shows { early } else { handshake }).then_some(means);
        }
        Some(match self {
            Self::Killed => Means::Signal("KILL"),
            Self::Stopped => Means::Signal("STOP"),
            Self::Reset => Means::Weather(Weather::Reset),
            Self::Vanished => Means::Weather(Weather::Hole),
            Self::Slow => Means::Weather(Weather::Slow),
            Self::TooSlow => Means::Weather(Weather::Crawl),
            Self::Garbage if early => spoil(Spoil::Garbage),
            Self::Torn if early => spoil(Spoil::Short),
            Self::Extra if early => spoil(Spoil::Long),
            Self::Flood if early => spoil(Spoil::Flood),
            Self::Swapped if early => spoil(Spoil::Swapped),
            Self::Replayed if early => spoil(Spoil::Replayed),
            _ if early => return None,
            Self::Garbage => Means::Frame("garbage"),
            Self::Header => Means::Frame("header"),
            Self::Short => Means::Frame("short"),
            Self::Torn => Means::Frame("torn"),
            Self::Lost => Means::Frame("lost"),
            Self::Long => Means::Frame("long"),
            Self::Extra => Means::Frame("extra"),
            Self::Flood => Means::Frame("flood"),
            Self::Swapped => Means::Frame("swapped"),
            Self::Session => Means::Frame("session"),
            Self::Replayed => Means::Frame("replayed"),
            _ => return None,
        })
    }

    fn identity(self) -> Option<Means> {
        Some(match self {
            Self::Anonymous => Means::Frame("anonymous"),
            Self::Plaintext => Means::Files(Change::Plaintext),
            Self::Impostor => Means::Files(Change::Borrowed),
            Self::Stranger => Means::Files(Change::Shows("stranger")),
            Self::Second => Means::Files(Change::Shows("second")),
            Self::Expired => Means::Files(Change::Pinned("expired")),
            Self::Early => Means::Files(Change::Pinned("early")),
            Self::Mismatch => Means::Files(Change::Mismatched),
            Self::Greeting => Means::Weather(Weather::Spoilt(Spoil::Patch(8, 9))),
            Self::Version => Means::Frame("version"),
            Self::Engine => Means::Frame("engine"),
            Self::Ring => Means::Frame("ring"),
            Self::Options => Means::Files(Change::Options),
            Self::Model => Means::Files(Change::Program),
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    pub phase: Phase,
    /// Place among the engine's peers.
    pub peer: usize,
    pub fault: Fault,
}

/// What must come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Everyone ends well, with the right answer.
    Good,
    /// Everyone else fails, and names the peer for one of these reasons.
    Named(&'static [&'static str]),
    /// Everyone fails and says what it differs in from another.
    Differs(&'static str),
    /// Everyone else fails, and someone gives one of these texts as the cause.
    Cause(&'static [&'static str]),
    /// What nobody asked for is found at the farewell by whoever got it; whoever got nothing wrong may be done by then.
    Late(&'static [&'static str]),
    /// The protocol does not find it, as its security model says. Whoever can read it computes on; a client that knows what
    /// the answer should be refuses another; whoever cannot names the peer.
    Unnoticed,
}

/// What a peer says of bytes of the right length that mean nothing.
pub const UNREADABLE: &str = "unreadable";

impl Cell {
    pub fn all(engine: &Engine) -> Vec<Self> {
        let mut cells = Vec::new();
        for fault in Fault::ALL {
            for &phase in engine.phases {
                for peer in 0..engine.peers.len() {
                    let cell = Self { phase, peer, fault };
                    if cell.is_possible(engine) {
                        cells.push(cell);
                    }
                }
            }
        }
        cells
    }

    fn is_possible(&self, engine: &Engine) -> bool {
        if engine.pacer(self.peer, self.phase).is_none() {
            return false;
        }
        match self.fault.means(self.phase) {
            None => false,
            // Whoever is only called has to show a certificate, or there is no TLS.
            Some(Means::Frame("anonymous")) => self.peer > 0,
            Some(Means::Frame(_)) => engine.speaks(self.peer, self.phase),
            Some(_) => true,
        }
    }

    fn swaps_freely(&self, engine: &Engine) -> bool {
        let (client, result) = (engine.is_client(self.peer), self.phase == Phase::Result);
        match engine.dealer() {
            None => client || result,
            // Results, accounts and what the dealer and the client send have a lane each.
            Some(dealer) => {
                (result && self.peer != dealer) || (client && self.phase == Phase::Online)
            }
        }
    }

    pub fn expected(&self, engine: &Engine) -> Expected {
        let early = self.phase == Phase::Connecting;
        let later = self.phase > Phase::Handshake;
        Expected::Named(match self.fault {
            Fault::Slow => return Expected::Good,
            Fault::Anonymous => return Expected::Cause(&["no certificates"]),
            Fault::Plaintext => {
                return Expected::Cause(&[
                    "corrupt message",
                    "hung up before it answered",
                    "Connection reset",
                ]);
            }
            Fault::Impostor => {
                return Expected::Cause(&[
                    "certificate of",
                    "not the one configured",
                    "not valid for name",
                ]);
            }
            Fault::Stranger => return Expected::Cause(&["UnknownIssuer"]),
            Fault::Second => return Expected::Cause(&["not the one configured"]),
            Fault::Expired => return Expected::Cause(&["expired"]),
            Fault::Early => return Expected::Cause(&["not valid yet"]),
            Fault::Mismatch => return Expected::Cause(&["no connection"]),
            Fault::Greeting => return Expected::Cause(&["speaks version 9"]),
            Fault::Version => return Expected::Differs("other version"),
            Fault::Engine => return Expected::Differs("other engine"),
            Fault::Ring => return Expected::Differs("other ring"),
            Fault::Options => return Expected::Differs("other options"),
            Fault::Model => return Expected::Differs("other program"),
            Fault::Garbage
            | Fault::Torn
            | Fault::Extra
            | Fault::Flood
            | Fault::Swapped
            | Fault::Replayed
                if early =>
            {
                &["no connection", "not trusted"]
            }
            _ if early => &["no connection"],
            Fault::Killed | Fault::Reset | Fault::Torn => &["hung up"],
            Fault::Stopped | Fault::Vanished | Fault::TooSlow => &["stalled"],
            Fault::Garbage if later => return Expected::Unnoticed,
            Fault::Garbage => &["bad handshake"],
            Fault::Header => &["bad frame"],
            Fault::Short | Fault::Long => &["wrong length"],
            Fault::Lost => &["wrong step", "stalled", "left early"],
            Fault::Extra => return Expected::Late(&["unexpected message"]),
            // The input goes to one party alone, which may have all it needs before it is full.
            Fault::Flood
                if engine.dealer().is_some()
                    && self.phase == Phase::Online
                    && engine.is_client(self.peer) =>
            {
                return Expected::Late(&["floods", "stalled", "unexpected message"]);
            }
            Fault::Flood => &["floods", "stalled"],
            // Messages of different lanes come in any order, and so do signs of life. Client and parties of rep3 meet on a lane
            // of its own each time.
            Fault::Swapped if later && self.swaps_freely(engine) => {
                return Expected::Good;
            }
            Fault::Swapped => &["wrong step", "unexpected message", "stalled"],
            Fault::Session => &["another session"],
            Fault::Replayed if self.phase == Phase::Result => {
                return Expected::Late(&["unexpected message"]);
            }
            Fault::Replayed => &["wrong step", "unexpected message"],
        })
    }
}
