//! Provides the credentials of an AWS profile, as the `aws` tool keeps them in `~/.aws`.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a profile says, by key.
pub(super) type Profile = BTreeMap<String, String>;

/// The profile that the environment names, or the default one, of the files that are there.
pub(super) fn read() -> Profile {
    let name = std::env::var("AWS_PROFILE").or_else(|_| std::env::var("AWS_DEFAULT_PROFILE"));
    let name = name.unwrap_or_else(|_| "default".into());
    let file = |variable: &str, usual: &str| {
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".aws").join(usual));
        let path = std::env::var_os(variable).map(PathBuf::from).or_else(home)?;
        std::fs::read_to_string(path).ok()
    };
    let mut profile = Profile::new();
    if let Some(text) = file("AWS_CONFIG_FILE", "config") {
        profile.extend(section(&text, &name));
        profile.extend(section(&text, &format!("profile {name}")));
    }
    if let Some(text) = file("AWS_SHARED_CREDENTIALS_FILE", "credentials") {
        profile.extend(section(&text, &name));
    }
    profile
}

/// The keys of one section. Lines that are indented belong to a key of another kind.
fn section(text: &str, name: &str) -> Profile {
    let mut within = false;
    let mut found = Profile::new();
    for line in text.lines() {
        let heading = line.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Some(heading) = heading {
            within = heading.split_whitespace().eq(name.split_whitespace());
        } else if let Some((key, value)) = line.split_once('=')
            && within
            && !line.starts_with([' ', '\t', '#', ';'])
        {
            found.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_has_its_own_keys_only() {
        let text =
            "[default]\naws_access_key_id = A\n# x = 1\ns3 =\n  endpoint = no\n[profile lab]\nregion=eu-west-1\n";
        let own = section(text, "default");
        assert_eq!(own.get("aws_access_key_id").map(String::as_str), Some("A"));
        assert!(!own.contains_key("endpoint") && !own.contains_key("region") && !own.contains_key("# x"));
        let lab = section(text, "profile lab");
        assert_eq!(lab.get("region").map(String::as_str), Some("eu-west-1"));
        assert!(section(text, "lab").is_empty());
    }
}
