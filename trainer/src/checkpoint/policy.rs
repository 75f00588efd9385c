//! Defines which checkpoints may be removed; touches no disk.

/// Of the names in a checkpoint folder, those of checkpoints that nothing points to, and of such as were never
/// finished.
#[must_use]
pub fn expendable(names: Vec<String>, kept: &[String]) -> Vec<String> {
    let mut names = names;
    names.retain(|name| {
        let finished = name.bytes().all(|byte| byte.is_ascii_digit()) && !kept.contains(name);
        finished || (name.starts_with('.') && name.ends_with(".tmp"))
    });
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_pointed_to_and_what_is_not_ours() {
        let names = [
            "000000001",
            "000000002",
            "000000003",
            ".000000004.tmp",
            "failed-000000002",
            "last",
            "notes",
        ];
        let kept = ["000000001".to_owned(), "000000003".to_owned()];
        let removed = expendable(names.map(str::to_owned).into(), &kept);
        assert_eq!(removed, ["000000002", ".000000004.tmp"]);
    }
}
