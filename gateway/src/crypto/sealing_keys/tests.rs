use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::base::SystemEntropy;

/// A directory of our own that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let entropy: &dyn Entropy = &SystemEntropy;
        Self(std::env::temp_dir().join(format!("sealing-{}", entropy.token::<9>())))
    }

    fn file(&self) -> PathBuf {
        self.0.join("sealing-keys.json")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn keys_survive_a_restart_and_only_their_owner_reads_them() {
    let folder = Folder::new();
    let first = SealingKeys::load_or_create(&folder.file(), &SystemEntropy).unwrap();
    let again = SealingKeys::load_or_create(&folder.file(), &SystemEntropy).unwrap();
    assert_eq!(first.active().id(), again.active().id());
    assert_eq!(first.active().secret().expose(), again.active().secret().expose());
    let mode = fs::metadata(folder.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_rotation_is_on_the_disk_and_the_ring_stays_bounded() {
    let folder = Folder::new();
    let keys = SealingKeys::load_or_create(&folder.file(), &SystemEntropy).unwrap();
    let first = keys.active().id();
    keys.rotate(&SystemEntropy).unwrap();
    let again = SealingKeys::load_or_create(&folder.file(), &SystemEntropy).unwrap();
    assert_eq!(again.active().id(), keys.active().id());
    assert!(again.accepted(&first).is_some());
    for _ in 0..20 {
        keys.rotate(&SystemEntropy).unwrap();
    }
    let again = SealingKeys::load_or_create(&folder.file(), &SystemEntropy).unwrap();
    assert_eq!(again.ring.load().keys().count(), MAX_KEYS);
    assert!(again.accepted(&first).is_none());
}

#[test]
fn two_processes_that_rotate_keep_each_others_keys() {
    let folder = Folder::new();
    let one = SealingKeys::load_or_create(&folder.file(), &SystemEntropy).unwrap();
    let two = SealingKeys::load_or_create(&folder.file(), &SystemEntropy).unwrap();
    one.rotate(&SystemEntropy).unwrap();
    two.rotate(&SystemEntropy).unwrap();
    assert!(two.accepted(&one.active().id()).is_some());
}

#[test]
fn a_damaged_file_is_named_and_never_overwritten() {
    let folder = Folder::new();
    let good = {
        SealingKeys::load_or_create(&folder.file(), &SystemEntropy).unwrap();
        fs::read_to_string(folder.file()).unwrap()
    };
    let doubled: File = serde_json::from_str(&good).unwrap();
    let entry = serde_json::to_string(&doubled.keys[0]).unwrap();
    for bad in [
        String::new(),
        "{}".to_owned(),
        good.split_at(good.len() / 2).0.to_owned(),
        good.replace("\"version\": 1", "\"version\": 2"),
        r#"{"version":1,"keys":[]}"#.to_owned(),
        r#"{"version":1,"keys":[{"id":"AAAAAAAAAAA","secret":"hunter2"}]}"#.to_owned(),
        format!(r#"{{"version":1,"keys":[{entry},{entry}]}}"#),
    ] {
        keyfile::write_atomic(&folder.file(), bad.as_bytes()).unwrap();
        let fault = SealingKeys::load_or_create(&folder.file(), &SystemEntropy).unwrap_err();
        assert!(fault.to_string().contains("sealing-keys.json"), "{fault}");
        assert!(!format!("{fault} {fault:?}").contains("hunter2"));
        assert_eq!(fs::read_to_string(folder.file()).unwrap(), bad);
    }
}

#[test]
fn what_another_process_has_just_sealed_opens() {
    let folder = Folder::new();
    let one = SealingKeys::load_or_create(&folder.file(), &SystemEntropy).unwrap();
    let two = SealingKeys::load_or_create(&folder.file(), &SystemEntropy).unwrap();
    one.rotate(&SystemEntropy).unwrap();
    let fresh = one.active().id();
    assert!(two.accepted(&fresh).is_some(), "looked for in the file");
    assert_eq!(two.active().id(), fresh);
    // A disk may take longer for one key than until the next look, but not for each of them.
    let missed = (0..20).any(|_| {
        one.rotate(&SystemEntropy).unwrap();
        two.accepted(&one.active().id()).is_none()
    });
    assert!(missed, "not looked for each time");
    assert!(two.reload_if_changed().unwrap() && !two.reload_if_changed().unwrap());
    assert!(two.accepted(&one.active().id()).is_some());
}

/// Anybody can send what names a key that nobody has, and would else stop all that is served.
#[test]
fn nobody_waits_for_somebody_who_is_looking() {
    let folder = Folder::new();
    let keys = Arc::new(SealingKeys::load_or_create(&folder.file(), &SystemEntropy).unwrap());
    // As if the file system hung.
    let held = keys.looked();
    let (answer, answered) = std::sync::mpsc::channel();
    let (asked, active) = (Arc::clone(&keys), keys.active().id());
    std::thread::spawn(move || {
        answer.send((asked.accepted(&[7; KEY_ID_LEN]).is_none(), asked.accepted(&active).is_some()))
    });
    let answered = answered.recv_timeout(Duration::from_secs(10));
    assert_eq!(answered, Ok((true, true)), "unknown, and known");
    drop(held);
}
