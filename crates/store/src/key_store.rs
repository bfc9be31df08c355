//! Secret keys by name, apart from all data, so that destroying a key makes unreadable whatever was sealed under it, backups included.
//!
//! Keys never go into a log or into sled, where what is removed stays readable, nor into a backup.
//!
//! # The same elsewhere
//!
//! A key service or a Redis without persistence and with replicas can stand behind this trait: create by SET NX and read back what won, destroy
//! by DEL on all replicas (WAIT for every one of them), and never a dump on disk. A store whose disk keeps old versions cannot.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;

use crate::SecretKey;

pub(crate) mod decoders;
mod file;
mod memory;
mod slot;

#[cfg(test)]
mod contract;

pub use file::{FileKeys, KEYS};
pub use memory::MemoryKeys;

/// Most bytes of a key's name.
pub const NAME_BYTES: usize = 62;

/// What a key is for, say a site and an epoch, or a site and a session: 1 to [`NAME_BYTES`] bytes. Not a secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(Box<[u8]>);

impl KeyName {
    /// Takes the bytes as they are.
    ///
    /// # Errors
    /// [`KeyError::Name`] for none or too many.
    pub fn new(name: &[u8]) -> Result<KeyName, KeyError> {
        if (1..=NAME_BYTES).contains(&name.len()) {
            Ok(KeyName(name.into()))
        } else {
            Err(KeyError::Name { bytes: name.len() })
        }
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyName({})", self.0.escape_ascii())
    }
}

/// Keeps secret keys and destroys them.
///
/// After an error, and for whoever drops a future, nobody knows whether there was an effect: call again.
pub trait KeyStore: Send + Sync + 'static {
    /// The key of this name, if there is one.
    ///
    /// # Errors
    /// [`KeyError::Damaged`], [`KeyError::Read`], [`KeyError::Write`] and [`KeyError::Broken`].
    fn get(&self, name: &KeyName) -> impl Future<Output = Result<Option<SecretKey>, KeyError>> + Send;

    /// The key of this name; `fresh` becomes it if there is none, and is forgotten otherwise. All callers get the same key, and it survives
    /// `kill -9` and power loss from then on: only now may anything be sealed under it.
    ///
    /// # Errors
    /// [`KeyError::Full`], and as [`KeyStore::get`].
    fn get_or_create(
        &self,
        name: &KeyName,
        fresh: SecretKey,
    ) -> impl Future<Output = Result<SecretKey, KeyError>> + Send;

    /// The same for each of `wanted`, in their order, and durable together.
    ///
    /// # Errors
    /// As [`KeyStore::get_or_create`]. Some may have been made then.
    fn get_or_create_all(
        &self,
        wanted: Vec<(KeyName, SecretKey)>,
    ) -> impl Future<Output = Result<Vec<SecretKey>, KeyError>> + Send {
        async move {
            let mut keys = Vec::with_capacity(wanted.len());
            for (name, fresh) in wanted {
                keys.push(self.get_or_create(&name, fresh).await?);
            }
            Ok(keys)
        }
    }

    /// Destroys the key of this name. Once this returns, its bytes are nowhere on the disk, and no start and no crash brings them back;
    /// a key of the same name made later is another one. `false` if there was none, which is also true of what was destroyed before.
    ///
    /// # Errors
    /// As [`KeyStore::get`]. Until it succeeds the key may still be there.
    fn destroy(&self, name: &KeyName) -> impl Future<Output = Result<bool, KeyError>> + Send;

    /// Destroys the keys of all these names, as [`KeyStore::destroy`] does. Says how many there were.
    ///
    /// # Errors
    /// As [`KeyStore::get`]. Until it succeeds some may still be there.
    fn destroy_all(&self, names: Vec<KeyName>) -> impl Future<Output = Result<usize, KeyError>> + Send {
        async move {
            let mut destroyed = 0;
            for name in names {
                destroyed += usize::from(self.destroy(&name).await?);
            }
            Ok(destroyed)
        }
    }

    /// Every key with its name, in the order of the names.
    ///
    /// # Errors
    /// As [`KeyStore::get`].
    fn all(&self) -> impl Future<Output = Result<Vec<(KeyName, SecretKey)>, KeyError>> + Send {
        async move {
            let mut keys = Vec::new();
            for name in self.list().await? {
                if let Some(key) = self.get(&name).await? {
                    keys.push((name, key));
                }
            }
            Ok(keys)
        }
    }

    /// The names of all keys, in their order.
    ///
    /// # Errors
    /// As [`KeyStore::get`].
    fn list(&self) -> impl Future<Output = Result<Vec<KeyName>, KeyError>> + Send;
}

/// Why a key store could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key file cannot be used.
    #[error("cannot use the key file {path}: {reason}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// The file is something else than a key file of a version that this build reads.
    #[error("{path} is not a key file that this build reads; restore it, or start a later version")]
    NotKeys {
        /// The file.
        path: PathBuf,
    },
    /// A key is not what was written.
    #[error(
        "the key file {path} is damaged in the {bytes} bytes from byte {offset}, and a key is lost unless a copy of the disk has it; to \
         give the key up, overwrite these bytes with zeros"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// How far.
        bytes: usize,
    },
    /// The file is shorter than it was.
    #[error(
        "the key file {path} was cut off, and keys are lost unless a copy of the disk has them; restore it from that copy"
    )]
    Cut {
        /// The file.
        path: PathBuf,
    },
    /// A name that is empty or too long.
    #[error("the name of a key has 1 to {NAME_BYTES} bytes, and this one {bytes}")]
    Name {
        /// Its length.
        bytes: usize,
    },
    /// There are as many keys as there may be.
    #[error("there are {KEYS} keys, and there is no room for more")]
    Full,
    /// A read failed.
    #[error("cannot read the key file: {0}")]
    Read(String),
    /// A write or flush failed. Everything is refused then until the file is opened again.
    #[error("cannot write to the key file: {0}; see to the disk, then start the collector again")]
    Write(String),
    /// A write or flush failed earlier.
    #[error("the key file refused an earlier write; see to the disk, then start the collector again")]
    Broken,
}
