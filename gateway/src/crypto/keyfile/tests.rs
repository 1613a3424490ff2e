use std::os::unix::fs::{PermissionsExt as _, chown};

use super::*;
use crate::base::{Entropy, SystemEntropy};

fn folder() -> PathBuf {
    let entropy: &dyn Entropy = &SystemEntropy;
    std::env::temp_dir().join(format!("keyfile-{}", entropy.token::<9>()))
}

#[test]
fn what_is_written_is_read_and_only_its_owner_may_read_it() {
    let folder = folder();
    let path = folder.join("deep/keys.json");
    write_atomic(&path, b"one").unwrap();
    write_atomic(&path, b"two").unwrap();
    assert_eq!(read_private(&path).unwrap().unwrap().expose(), b"two");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
    let names = fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(names, 1, "no temporary file is left");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_file_that_others_may_read_is_refused_with_the_remedy() {
    let folder = folder();
    let path = folder.join("keys.json");
    write_atomic(&path, b"{}").unwrap();
    for mode in [0o640, 0o604, 0o660, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let fault = read_private(&path).unwrap_err();
        assert!(matches!(fault, KeyfileFault::Exposed { .. }), "{mode:o}");
        assert!(fault.to_string().contains("chmod 600"), "{fault}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_unfinished_file_of_another_process_is_left_alone() {
    let folder = folder();
    create_private_dir(&folder).unwrap();
    // In a container of its own, it has our number.
    let theirs = folder.join(format!(".keys.json.{}.tmp", std::process::id()));
    fs::write(&theirs, b"half").unwrap();
    write_atomic(&folder.join("keys.json"), b"whole").unwrap();
    assert_eq!(fs::read(&theirs).unwrap(), b"half");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn whoever_is_not_the_owner_of_a_directory_is_told_who_is() {
    let folder = folder();
    create_private_dir(&folder).unwrap();
    check_owner(&folder).unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "nothing is left");
    // Only root can give something away, and only root can write there all the same.
    if chown(&folder, Some(4_711), None).is_ok() {
        let fault = check_owner(&folder).unwrap_err().to_string();
        assert!(fault.contains("sudo -u '#4711'"), "{fault}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_absent_file_is_none_and_a_directory_or_a_giant_is_refused() {
    let folder = folder();
    create_private_dir(&folder).unwrap();
    assert!(read_private(&folder.join("absent")).unwrap().is_none());
    assert!(matches!(read_private(&folder), Err(KeyfileFault::NotAKeyFile { .. })));
    let giant = folder.join("giant");
    write_atomic(&giant, &vec![b' '; 1 << 20]).unwrap();
    OpenOptions::new().append(true).open(&giant).unwrap().write_all(b"x").unwrap();
    assert!(matches!(read_private(&giant), Err(KeyfileFault::NotAKeyFile { .. })));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_replaced_file_has_another_stamp() {
    let folder = folder();
    let path = folder.join("keys.json");
    assert!(stamp(&path).unwrap().is_none());
    write_atomic(&path, b"same").unwrap();
    let (_, first) = read_stamped(&path).unwrap().unwrap();
    assert_eq!(stamp(&path).unwrap(), Some(first));
    write_atomic(&path, b"same").unwrap();
    assert_ne!(stamp(&path).unwrap(), Some(first));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_lock_keeps_the_second_out_until_the_first_is_done() {
    let folder = folder();
    let path = folder.join("keys.json");
    let first = lock(&path).unwrap();
    let beside = OpenOptions::new().write(true).open(folder.join("keys.json.lock")).unwrap();
    assert!(beside.try_lock().is_err());
    drop(first);
    assert!(beside.try_lock().is_ok());
    fs::remove_dir_all(folder).unwrap();
}
