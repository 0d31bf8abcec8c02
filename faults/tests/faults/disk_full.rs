//! The disk is full: a clear error, nothing lost, and it works again when there is room.

use std::fs;
use std::path::Path;
use std::process::Command;

use systemprompt_users::{DbPool, OnExisting, UserAdminService, UserError, UserService};
use tempfile::TempDir;

use crate::support::{
    Program, assert_clean, bounded, count_events, import_file, live_emails, user_rows, usersctl,
};

/// A small disk. Gone with the value.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn new(size: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .status();
        assert!(mounted.is_ok_and(|status| status.success()), "to mount a small disk takes root");
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_stops_and_goes_on_when_there_is_room() {
    const BATCH: usize = 100;
    bounded();
    let disk = Disk::new("16m");
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; 8 << 20]).unwrap();
    let url = format!("sqlite://{}", disk.path().join("users.db").display());
    let pool = DbPool::connect(&url).await.unwrap();
    pool.migrate().await.unwrap();
    let users = UserService::new(&pool).unwrap();
    let rows = |batch: usize| user_rows(batch * BATCH..(batch + 1) * BATCH);
    let mut batch = 0;
    let error = loop {
        match users.bulk_create(&rows(batch), OnExisting::Keep).await {
            Ok(_) => batch += 1,
            Err(error) => break error,
        }
        assert!(batch < 1_000, "the disk is never full");
    };
    assert!(batch > 3, "hardly anything fits: {error:?}");
    assert!(matches!(error, UserError::Storage(_)), "{error:?}");
    assert!(told(&error).contains("disk is full"), "{}", told(&error));
    // As often as one tries: what is in can be read, nothing else gets in.
    for _ in 0..3 {
        assert!(users.bulk_create(&rows(batch), OnExisting::Keep).await.is_err());
        assert_eq!(live_emails(&pool).await.len(), batch * BATCH);
    }

    fs::remove_file(&ballast).unwrap();
    for batch in batch..batch + 5 {
        users.bulk_create(&rows(batch), OnExisting::Keep).await.unwrap();
    }
    assert_eq!(live_emails(&pool).await.len(), (batch + 5) * BATCH);
    pool.close().await.unwrap();

    // Another program finds the same.
    let pool = DbPool::connect(&url).await.unwrap();
    assert_eq!(live_emails(&pool).await.len(), (batch + 5) * BATCH);
    assert_eq!(count_events(&pool).await["user_created"], (batch + 5) * BATCH);
    let admin = UserAdminService::new(&pool).unwrap();
    admin.promote("user0").await.unwrap();
    assert_clean(&pool).await;
    pool.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usersctl_says_so_and_how_far_it_got() {
    const ROWS: usize = 20_000;
    bounded();
    let disk = Disk::new("20m");
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; 8 << 20]).unwrap();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("users.csv");
    import_file(&file, ROWS);
    let url = format!("sqlite://{}", disk.path().join("users.db").display());
    let import = ["users", "import", file.to_str().unwrap(), "-o", "json"];
    let (code, _, errors) = Program::run(usersctl(&url, &import));
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("disk is full"), "{errors}");
    let told = errors.split_once("everything up to line ").expect(&errors).1;
    let line: usize = told.split(' ').next().unwrap().parse().expect(&errors);
    let pool = DbPool::connect(&url).await.unwrap();
    assert_eq!(live_emails(&pool).await.len(), line - 1, "{errors}");
    pool.close().await.unwrap();

    fs::remove_file(&ballast).unwrap();
    // There is room for as much again, though not for all.
    let rest = folder.path().join("rest.csv");
    import_file(&rest, line + 999);
    let import = ["users", "import", rest.to_str().unwrap(), "-o", "json"];
    let (code, out, errors) = Program::run(usersctl(&url, &import));
    assert_eq!(code, 0, "{errors}");
    let summary: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&summary["existing"], &summary["created"]), (&(line - 1).into(), &1000.into()));
}

fn told(error: &UserError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
