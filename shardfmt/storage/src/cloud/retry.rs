//! Provides `insist`, which tries a request again until it succeeds, cannot succeed, or ten minutes are over; and what
//! an answer of a store means.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use object_store::Error as Answer;

use crate::error::{Error, Result, Step};
use crate::location::Address;

/// How long a request is tried again; in the environment as seconds.
const PATIENCE: (&str, u64) = ("L48_STORE_SECONDS", 600);
/// First and longest pause between tries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(15));
/// Tries for credentials that a machine of a cloud hands out; elsewhere nobody answers.
const CREDENTIAL_TRIES: u32 = 3;
/// Where these are asked for: link-local, of AWS and Azure; by name, of Google.
const CREDENTIAL_HOSTS: [&str; 3] = ["169.254.169.254", "169.254.170.2", "metadata.google.internal"];
/// What stores answer where credentials are wrong, with a status that could mean anything.
const DENIALS: [&str; 7] = [
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AuthorizationHeaderMalformed",
    "invalid_grant",
];
/// What stores answer where the bucket is missing.
const NO_BUCKET: [&str; 3] = ["NoSuchBucket", "ContainerNotFound", "bucket does not exist"];
/// For how long a host that was waited for in vain is tried once only.
const AWAY_FOR: Duration = Duration::from_secs(60);
/// Characters of an answer that are shown.
const CAUSE_CHARS: usize = 300;

/// How long a request is tried again.
pub(super) fn patience() -> Result<Duration> {
    let (name, default) = PATIENCE;
    let seconds = match std::env::var(name) {
        Err(_) => default,
        Ok(text) => text.trim().parse().map_err(|_| Error::Setting {
            name,
            reason: format!("expected seconds, got {text:?}"),
        })?,
    };
    Ok(Duration::from_secs(seconds))
}

/// What is to be done about an answer.
pub(super) enum Verdict {
    /// It cannot get better.
    Final(Error),
    /// It may get better, up to so many tries.
    Again(String, u32),
}

/// Tries `attempt` on the file at `address` until it succeeds or cannot, for ten minutes.
pub(super) async fn insist<T, F>(address: &Address, step: Step, mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = std::result::Result<T, Answer>>,
{
    let mut tries = Tries::start(address, step)?;
    loop {
        let answer = match attempt().await {
            Ok(value) => return Ok(value),
            Err(answer) => answer,
        };
        tries.after(verdict(address, step, &answer)).await?;
    }
}

/// When each host was last waited for in vain.
static AWAY: LazyLock<Mutex<HashMap<String, Instant>>> = LazyLock::new(Mutex::default);

/// Whether it was waited for in vain just now: then each of many files need not wait again.
fn is_away(address: &Address) -> bool {
    let away = AWAY.lock().unwrap_or_else(PoisonError::into_inner);
    away.get(address.host()).is_some_and(|since| since.elapsed() < AWAY_FOR)
}

/// The tries of one request so far.
pub(super) struct Tries<'a> {
    address: &'a Address,
    step: Step,
    count: u32,
    patience: Duration,
    begun: Instant,
}

impl<'a> Tries<'a> {
    pub(super) fn start(address: &'a Address, step: Step) -> Result<Self> {
        let patience = if is_away(address) { Duration::ZERO } else { patience()? };
        Ok(Self {
            address,
            step,
            count: 0,
            patience,
            begun: Instant::now(),
        })
    }

    /// Waits after a try that failed; fails if there shall be no other.
    pub(super) async fn after(&mut self, verdict: Verdict) -> Result<()> {
        self.count += 1;
        let (cause, most) = match verdict {
            Verdict::Again(cause, most) => (cause, most),
            Verdict::Final(error) => return Err(error),
        };
        let pause = self.pause();
        if self.count >= most && most == CREDENTIAL_TRIES {
            let url = self.address.to_string();
            let cause = format!("there are no credentials ({cause})");
            return Err(Error::StoreDenied { url, cause });
        }
        if self.count >= most || self.begun.elapsed() + pause > self.patience {
            AWAY.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(self.address.host().to_owned(), Instant::now());
            return Err(Error::Away {
                url: self.address.to_string(),
                step: self.step,
                tries: self.count,
                cause,
            });
        }
        if self.count == 3 {
            let (url, seconds) = (self.address, self.patience.as_secs());
            tracing::warn!("cannot {} {url} yet: {cause}; trying for up to {seconds} s", self.step);
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// The pauses double; a random half of each keeps many workers from asking at the same moment.
    fn pause(&self) -> Duration {
        let (first, longest) = PAUSES;
        let full = first
            .saturating_mul(1 << self.count.clamp(1, 12).saturating_sub(1))
            .min(longest);
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let chance = f64::from(clock.subsec_nanos() % 1_000_000) / 1e6;
        full.mul_f64(0.5 + chance / 2.0)
    }
}

/// What `answer` to `step` means.
pub(super) fn verdict(address: &Address, step: Step, answer: &Answer) -> Verdict {
    let url = address.to_string();
    let text = whole_text(answer);
    let cause = cause(&text);
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let status = status(&text);
    Verdict::Final(match answer {
        Answer::NotFound { .. } | Answer::Generic { .. } if says(&NO_BUCKET) => Error::NoBucket {
            url,
            bucket: address.host().to_owned(),
        },
        Answer::NotFound { .. } => Error::Missing { url },
        Answer::PermissionDenied { .. } | Answer::Unauthenticated { .. } => Error::StoreDenied { url, cause },
        _ if says(&DENIALS) => Error::StoreDenied { url, cause },
        Answer::Precondition { .. } | Answer::NotModified { .. } => Error::Changed { url },
        Answer::AlreadyExists { .. } => return Verdict::Again(cause, u32::MAX),
        Answer::Generic { .. } if says(&CREDENTIAL_HOSTS) => return Verdict::Again(cause, CREDENTIAL_TRIES),
        // A client's mistake stays one, but for time-outs and requests that came too often or too early.
        Answer::Generic { .. } if status.is_none_or(|status| status >= 500 || [408, 425, 429].contains(&status)) => {
            return Verdict::Again(cause, u32::MAX);
        }
        _ => Error::Store { url, step, cause },
    })
}

/// An answer with what it comes of, as far as it does not say so itself.
fn whole_text(answer: &Answer) -> String {
    let mut text = answer.to_string();
    let mut next = std::error::Error::source(answer);
    while let Some(source) = next {
        let own = source.to_string();
        if !text.contains(&own) {
            text = format!("{text}: {own}");
        }
        next = source.source();
    }
    text
}

/// The status that an answer speaks of.
fn status(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// What a person needs of an answer: on one line, without the addresses in it, which may hold secrets.
pub(super) fn cause(text: &str) -> String {
    // What stands before it names the request.
    let told = text.rsplit_once(" - ").map_or(text, |(_, told)| told);
    let words = told.split_whitespace().map(|word| {
        let address = word.find("://");
        address.map_or(word, |_| "(its address)")
    });
    let line = words.collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches([':', ' ']);
    let cut: String = line.chars().take(CAUSE_CHARS).collect();
    if cut.len() < line.len() {
        format!("{cut}…")
    } else {
        cut
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "tests")]
    use std::path::Path;

    use super::*;
    use crate::location::Location;

    fn meaning(text: &str) -> &'static str {
        let Location::Address(address) = Location::of(Path::new("s3://lab/birds")) else {
            panic!("no address")
        };
        let answer = Answer::Generic {
            store: "S3",
            source: text.to_owned().into(),
        };
        match verdict(&address, Step::Read, &answer) {
            Verdict::Final(Error::StoreDenied { .. }) => "denied",
            Verdict::Final(Error::NoBucket { .. }) => "no bucket",
            Verdict::Final(Error::Store { .. }) => "final",
            Verdict::Final(other) => panic!("{other}"),
            Verdict::Again(_, CREDENTIAL_TRIES) => "credentials",
            Verdict::Again(..) => "again",
        }
    }

    #[test]
    fn each_answer_has_its_meaning() {
        let status = |status: &str| {
            meaning(&format!(
                "Error performing GET REDACTED in 2ms - Server returned non-2xx status code: {status}"
            ))
        };
        assert_eq!(status("500 Internal Server Error: "), "again");
        assert_eq!(status("503 Slow Down: "), "again");
        assert_eq!(status("429 Too Many Requests: "), "again");
        assert_eq!(status("400 Bad Request: <Code>ExpiredToken</Code>"), "denied");
        assert_eq!(status("400 Bad Request: <Code>InvalidArgument</Code>"), "final");
        assert_eq!(status("404 Not Found: <Code>NoSuchBucket</Code>"), "no bucket");
        assert_eq!(meaning("error sending request: connection refused"), "again");
        assert_eq!(
            meaning("error performing PUT http://169.254.169.254/latest/api/token"),
            "credentials"
        );
    }

    #[test]
    fn addresses_and_their_secrets_are_not_in_causes() {
        let told = cause(
            "Generic HTTP error: Error performing GET https://me:word@h/a?sig=abc in 2ms - timed\n out https://h/?sig=abc",
        );
        assert_eq!(told, "timed out (its address)");
        assert!(cause(&"x".repeat(1000)).chars().count() <= CAUSE_CHARS + 1);
    }
}
