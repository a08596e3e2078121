//! The keys that sign: listed in a file, made in the data folder on the first start, or given by settings.
//!
//! Of the keys of one purpose the one that began to sign last signs, and every key that is listed verifies. So a new key
//! is first known to all servers, and signs some minutes later; an old one counts until it is retired. A running server
//! looks at the file every second. See docs/keys.md.

mod file;
mod kept;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ed25519_dalek::SigningKey;
use frontrow_domain::Timestamp;
use frontrow_http::{KeyList, SigningKeys, ticket_key_id, token_key_id};

use crate::config::Config;
use crate::config::secret::KEY_MIN_BYTES;

/// The list of keys in the data folder.
const FILE: &str = "keys.json";
/// Bytes of a key that is made here, and of every key of tickets.
const KEY_BYTES: usize = 32;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Access, refresh and queue tokens (HS256).
    Tokens,
    /// Ticket codes (Ed25519).
    Tickets,
}

/// A key with its name.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) purpose: Purpose,
    pub(crate) kid: String,
    bytes: Vec<u8>,
    /// When it begins to sign.
    pub(crate) signs_from: Timestamp,
}

/// The keys of one purpose, told apart.
pub(crate) struct Roles<'a> {
    pub(crate) signing: &'a Key,
    /// Those that verify: they have signed, or are going to.
    pub(crate) others: Vec<&'a Key>,
}

/// The keys of a server: those of its file beside those of its settings.
pub(crate) struct Keys {
    /// Where the file is, or would be; none where keys come from settings alone.
    pub(crate) path: Option<PathBuf>,
    /// The file as last read.
    text: Option<String>,
    listed: Vec<Key>,
    given: Vec<Key>,
}

impl Purpose {
    pub(crate) const ALL: [Self; 2] = [Self::Tokens, Self::Tickets];

    /// The setting that gives a key for it.
    pub(crate) const fn setting(self) -> &'static str {
        match self {
            Self::Tokens => "auth.signing_secret",
            Self::Tickets => "auth.ticket_key",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Tokens => "tokens",
            Self::Tickets => "tickets",
        })
    }
}

// What it is made of is never shown.
impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} from {}", self.purpose, self.kid, self.signs_from.micros())
    }
}

impl Key {
    /// Nothing when the bytes are no key for that.
    fn new(purpose: Purpose, bytes: Vec<u8>, signs_from: Timestamp) -> Option<Self> {
        let kid = match purpose {
            Purpose::Tokens if bytes.len() >= KEY_MIN_BYTES => token_key_id(&bytes),
            Purpose::Tokens => return None,
            Purpose::Tickets => ticket_key_id(&as_ticket_key(&bytes)?),
        };
        Some(Self { purpose, kid, bytes, signs_from })
    }

    /// A new key, from the randomness of the system.
    pub(crate) fn made(purpose: Purpose, signs_from: Timestamp) -> anyhow::Result<Self> {
        let mut bytes = vec![0; KEY_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        Self::new(purpose, bytes, signs_from).context("a made key is a key")
    }
}

fn as_ticket_key(bytes: &[u8]) -> Option<SigningKey> {
    bytes.try_into().ok().map(SigningKey::from_bytes)
}

/// The keys of a purpose at a time: the one that began to sign last signs; before any has begun, the first that will.
/// Nothing when there is none.
pub(crate) fn roles<'a>(
    keys: impl IntoIterator<Item = &'a Key>,
    purpose: Purpose,
    now: Timestamp,
) -> Option<Roles<'a>> {
    let mut keys: Vec<&Key> = keys.into_iter().filter(|key| key.purpose == purpose).collect();
    keys.sort_by(|one, other| other.signs_from.cmp(&one.signs_from).then_with(|| one.kid.cmp(&other.kid)));
    let place = keys.iter().position(|key| key.signs_from <= now).or(keys.len().checked_sub(1))?;
    let signing = keys.remove(place);
    Some(Roles { signing, others: keys })
}

impl Keys {
    /// The keys that settings give and a file lists, `file` or the one that the settings mean. Makes nothing.
    pub(crate) fn read(config: &Config, file: Option<&Path>) -> anyhow::Result<Self> {
        let auth = &config.auth;
        let named = file.or(Some(&*auth.keys_file).filter(|path| !path.as_os_str().is_empty()));
        let is_embedded = config.store.url.is_empty();
        let path = named.map(Path::to_owned).or(is_embedded.then(|| config.store.data.join(FILE)));
        // They count from the beginning of time, so that any key of the file signs in their place.
        let tokens = auth.signing_key().map_err(anyhow::Error::msg)?;
        let tickets = auth.ticket_signing_key().map_err(anyhow::Error::msg)?;
        let tickets = tickets.map(|key| key.to_bytes().to_vec());
        let given = [(Purpose::Tokens, tokens), (Purpose::Tickets, tickets)];
        let given =
            given.into_iter().filter_map(|(purpose, bytes)| Key::new(purpose, bytes?, Timestamp::ZERO));
        let mut keys = Self { path, text: None, listed: Vec::new(), given: given.collect() };
        keys.look()?;
        if keys.text.is_none() && named.is_none() && is_embedded {
            keys.listed = kept::read(&config.store.data, &keys.given)?;
        }
        Ok(keys)
    }

    /// The keys of a server that starts. In a data folder of its own it makes those that are missing.
    pub(crate) fn open(config: &Config, now: Timestamp) -> anyhow::Result<Self> {
        let mut keys = Self::read(config, None)?;
        let is_ours = config.auth.keys_file.as_os_str().is_empty() && config.store.url.is_empty();
        if is_ours {
            keys.complete(now)?;
        } else if keys.text.is_none() && !config.auth.keys_file.as_os_str().is_empty() {
            bail!(
                "auth.keys_file: there is no {}; make it once, for all servers, with: frontrow keys init --file {0}",
                config.auth.keys_file.display()
            );
        }
        keys.check()?;
        Ok(keys)
    }

    /// Adds what is missing and writes it down, with what was kept in files of their own.
    pub(crate) fn complete(&mut self, now: Timestamp) -> anyhow::Result<()> {
        let mut is_new = self.text.is_none() && !self.listed.is_empty();
        for purpose in Purpose::ALL {
            if roles(self.all(), purpose, now).is_none() {
                self.listed.push(Key::made(purpose, now)?);
                is_new = true;
            }
        }
        if is_new { self.save() } else { Ok(()) }
    }

    /// Takes the keys of the settings into the list, so that the settings can be dropped.
    pub(crate) fn take_over_given(&mut self) {
        let listed = &self.listed;
        let missing = self.given.iter().filter(|key| listed.iter().all(|known| known.kid != key.kid));
        let missing: Vec<Key> = missing.cloned().collect();
        self.listed.extend(missing);
    }

    /// Looks at the file again. True when it says something else than before. What is wrong with it leaves all as it was.
    pub(crate) fn look(&mut self) -> anyhow::Result<bool> {
        let Some(path) = &self.path else { return Ok(false) };
        let text = file::read(path)?;
        if text == self.text {
            return Ok(false);
        }
        let Some(text) = text else { bail!("{} is gone", path.display()) };
        let listed = file::parse(&text).with_context(|| format!("the keys in {}", path.display()))?;
        let before = std::mem::replace(&mut self.listed, listed);
        if let Err(error) = self.check() {
            // A list that is read for the first time may be completed.
            if self.text.is_some() {
                self.listed = before;
                return Err(error);
            }
        }
        self.text = Some(text);
        Ok(true)
    }

    fn check(&self) -> anyhow::Result<()> {
        for purpose in Purpose::ALL {
            if roles(self.all(), purpose, Timestamp::ZERO).is_none() {
                bail!(
                    "there is no key for {purpose}: the list of keys has none, and {} is empty",
                    purpose.setting()
                );
            }
        }
        Ok(())
    }

    /// True when the file is there.
    pub(crate) fn has_file(&self) -> bool {
        self.text.is_some()
    }

    /// Every key, those of the file first. One that both say counts as in the file.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Key> {
        let listed = &self.listed;
        let given = self.given.iter().filter(|key| listed.iter().all(|known| known.kid != key.kid));
        listed.iter().chain(given)
    }

    /// True when the file lists it, or it is kept in a file of its own.
    pub(crate) fn is_listed(&self, kid: &str) -> bool {
        self.listed.iter().any(|key| key.kid == kid)
    }

    /// Adds a key to the list, and writes the list down.
    pub(crate) fn add(&mut self, keys: impl IntoIterator<Item = Key>) -> anyhow::Result<()> {
        self.listed.extend(keys);
        self.save()
    }

    /// Takes a key off the list, and writes the list down.
    pub(crate) fn remove(&mut self, kid: &str) -> anyhow::Result<()> {
        let gone: Vec<Key> = self.listed.extract_if(.., |key| key.kid == kid).collect();
        self.save()?;
        if let Some(folder) = self.path.as_deref().and_then(Path::parent) {
            kept::remove(folder, &gone)?;
        }
        Ok(())
    }

    fn save(&mut self) -> anyhow::Result<()> {
        let path = self.path.as_deref().context("there is no file of keys; name one with --file")?;
        file::write(path, &self.listed)?;
        self.text = file::read(path)?;
        Ok(())
    }

    /// What signs and what verifies at a time.
    pub(crate) fn in_force(&self, now: Timestamp) -> anyhow::Result<SigningKeys> {
        let of = |purpose| roles(self.all(), purpose, now).context("a server has keys for every purpose");
        let (tokens, tickets) = (of(Purpose::Tokens)?, of(Purpose::Tickets)?);
        let ticket_key = |key: &Key| as_ticket_key(&key.bytes).context("a key of tickets is one");
        Ok(SigningKeys {
            tokens: KeyList {
                signing: tokens.signing.bytes.clone(),
                accepted: tokens.others.iter().map(|key| key.bytes.clone()).collect(),
            },
            tickets: KeyList {
                signing: ticket_key(tickets.signing)?,
                accepted: tickets.others.iter().map(|key| ticket_key(key)).collect::<Result<_, _>>()?,
            },
        })
    }

    /// The names of all keys at a time, those that sign first: what is told, and compared.
    pub(crate) fn names(&self, now: Timestamp) -> Vec<String> {
        let of = |purpose| roles(self.all(), purpose, now);
        let roles = Purpose::ALL.into_iter().filter_map(of);
        roles
            .flat_map(|roles| std::iter::once(roles.signing).chain(roles.others))
            .map(|key| format!("{} {}", key.purpose, key.kid))
            .collect()
    }
}

#[cfg(test)]
mod tests;
