//! Tests the room of a cache: what goes, what stays, who waits.
#![allow(clippy::unwrap_used, reason = "tests")]

use shardfmt::persist::AtomicFile;

use super::*;

/// A cache of 100 bytes with three files of 30, the first the oldest.
fn cache() -> (tempfile::TempDir, Space, [PathBuf; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a/0", "b/1", "2"].map(|name| folder.path().join(name));
    for (path, age) in paths.iter().zip([300, 200, 100]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, [0; 30]).unwrap();
        let then = SystemTime::now() - Duration::from_secs(age);
        fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(then)
            .unwrap();
    }
    let dir = folder.path().to_path_buf();
    (folder, Space::of(&CacheSettings { dir, bytes: 100 }), paths)
}

fn make_room(space: &Space, needed: u64) -> Result<()> {
    space.make_room(needed, Need::Now, || Ok(()))
}

#[test]
fn what_was_not_used_for_longest_goes_first_and_no_more_than_needed() {
    let (_folder, space, [a, b, c]) = cache();
    make_room(&space, 10).unwrap();
    assert!(a.exists() && b.exists() && c.exists());
    make_room(&space, 40).unwrap();
    assert!(!a.exists() && b.exists() && c.exists());
}

#[test]
fn what_is_held_stays_and_a_full_cache_says_so() {
    let (_folder, space, [a, b, c]) = cache();
    let (first, again, _other) = (space.hold(&a), space.hold(&a), space.hold(&b));
    drop(first);
    make_room(&space, 40).unwrap();
    assert!(a.exists() && b.exists() && !c.exists());
    let error = make_room(&space, 50).unwrap_err().to_string();
    assert!(
        error.contains("may hold 100 bytes, and 50 more are needed") && error.contains("--cache-bytes"),
        "{error}"
    );
    drop(again);
    make_room(&space, 50).unwrap();
    assert!(!a.exists() && b.exists());
}

#[test]
fn what_is_on_its_way_is_waited_for_only_by_who_needs_the_room_now() {
    let (folder, space, [a, b, c]) = cache();
    let _held = [space.hold(&a), space.hold(&b), space.hold(&c)];
    let coming = AtomicFile::create(&folder.path().join("3")).unwrap();
    coming.set_len(10).unwrap();
    assert!(space.make_room(10, Need::Later, || Ok(())).is_err());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(2 * MOMENT);
            drop(coming);
        });
        make_room(&space, 10).unwrap();
    });
}

/// Uses a file until it is asked not to.
#[derive(Debug)]
struct User(Mutex<Option<Held>>, Instant);

impl Releases for User {
    fn oldest(&self) -> Option<Instant> {
        lock(&self.0).as_ref().map(|_| self.1)
    }

    fn release(&self) {
        lock(&self.0).take();
    }
}

#[test]
fn who_used_a_file_for_longest_ago_lets_go_of_it() {
    let (_folder, space, [a, b, c]) = cache();
    let _held = space.hold(&a);
    let early = Instant::now();
    let [new, old] = [(&b, early + MOMENT), (&c, early)]
        .map(|(path, used)| Arc::new(User(Mutex::new(Some(space.hold(path))), used)));
    for user in [&new, &old] {
        let user: Weak<User> = Arc::downgrade(user);
        space.may_ask(user);
    }
    make_room(&space, 40).unwrap();
    assert!(a.exists() && b.exists() && !c.exists());
    assert!(lock(&new.0).is_some());
}

#[test]
fn a_cache_that_is_far_from_full_is_not_looked_through_for_every_file() {
    let (folder, space, _) = cache();
    let space = Space::of(&CacheSettings {
        bytes: 1000,
        ..space.settings
    });
    make_room(&space, 100).unwrap();
    // It would be seen.
    fs::write(folder.path().join("huge"), [0; 900]).unwrap();
    make_room(&space, 15).unwrap();
    assert!(folder.path().join("huge").exists());
    // More than may come unseen.
    make_room(&space, 500).unwrap();
    let left: u64 = ["a/0", "b/1", "2", "huge"]
        .into_iter()
        .filter_map(|name| Some(fs::metadata(folder.path().join(name)).ok()?.len()))
        .sum();
    assert!(left <= 500, "{left}");
}
