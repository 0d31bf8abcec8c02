//! The file that tells `usersctl` at which address this daemon listens.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use systemprompt_users::address_file;

/// The address, written down until this is dropped.
#[derive(Debug)]
pub(crate) struct Whereabouts {
    file: PathBuf,
    address: String,
}

impl Whereabouts {
    /// Writes it down for the database of that URL. That it can't be is no failure: `usersctl` takes the address
    /// as an argument, too.
    pub(crate) fn write_down(database: &str, address: &str) -> Option<Self> {
        let folders = ProjectDirs::from("", "", "systemprompt-users")?;
        let file = address_file(database, folders.data_dir())?;
        match write(&file, address) {
            Ok(()) => Some(Self { file, address: address.to_owned() }),
            Err(error) => {
                tracing::debug!(%error, file = %file.display(), "the address is not written down");
                None
            }
        }
    }
}

/// Only the owner may write it: it says where a link that signs an admin in is to be opened.
fn write(file: &Path, address: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    let mut opened = options.write(true).create(true).truncate(true).mode(0o600).open(file)?;
    writeln!(opened, "{address}")
}

impl Drop for Whereabouts {
    fn drop(&mut self) {
        // Another daemon on the same database may have written its own by now.
        let is_own = fs::read_to_string(&self.file).is_ok_and(|text| text.trim() == self.address);
        if is_own {
            let _ = fs::remove_file(&self.file);
        }
    }
}
