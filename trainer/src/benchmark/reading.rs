//! Puts the differences of a contrast into words, whatever their sign.

use super::contrast::Comparison;
use super::questions::Sign;

/// Where an interval lies, as compared with the differences that count as none.
#[derive(Clone, Copy, PartialEq)]
enum Closeness {
    Within,
    Farther,
    Unsettled,
}

/// What became of a sign that was claimed or expected.
enum Outcome {
    Seen,
    Opposite,
    /// Some difference, where none was said to be.
    Refuted,
    NotSeen,
    /// A difference is neither seen, where none was said to be, nor ruled out.
    NothingAgainst,
}

impl Comparison<'_> {
    /// What they say, at the level of the comparison, and the number of seeds that have none.
    pub(super) fn reading(&self) -> String {
        let reasons = [(self.diverged, "diverged"), (self.unmeasured, "measured no such thing")];
        let missing: Vec<String> = reasons
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, reason)| format!("{count} seed{} that {reason}", if count == 1 { "" } else { "s" }))
            .collect();
        match (self.differences.is_empty(), missing.is_empty()) {
            (true, true) => "not run yet".into(),
            (true, false) => format!("nothing to compare: {}", missing.join(", ")),
            (false, true) => self.verdict(),
            (false, false) => format!("{}; without {}", self.verdict(), missing.join(" and ")),
        }
    }

    fn verdict(&self) -> String {
        if self.differences.iter().all(|&difference| difference == 0.0) {
            return "exactly the same in every seed".into();
        }
        let spread = self.spread();
        let Some((spread, [low, high])) = spread.and_then(|spread| Some((spread, spread.interval(self.level)?))) else {
            return "a single seed, not distinguishable from chance".into();
        };
        let seen = if low > 0.0 {
            Sign::Above
        } else if high < 0.0 {
            Sign::Below
        } else {
            Sign::Zero
        };
        let size = format!("{:.1}", 100.0 * spread.mean.abs());
        let difference = match seen {
            Sign::Above => Some(format!("higher by {size}")),
            Sign::Below => Some(format!("lower by {size}")),
            Sign::Zero => None,
        };
        let closeness = self.contrast.equivalence.map(|points| {
            let [low, high] = [100.0 * low, 100.0 * high];
            if -points <= low && high <= points {
                Closeness::Within
            } else if low > points || high < -points {
                Closeness::Farther
            } else {
                Closeness::Unsettled
            }
        });
        let points = self.contrast.equivalence.unwrap_or_default();
        let closely = closeness.map(|closeness| match closeness {
            Closeness::Within => format!("equal within {points}"),
            Closeness::Farther => format!("farther than {points}"),
            Closeness::Unsettled => format!("not settled whether within {points}"),
        });
        let what: Vec<String> = closely.into_iter().chain(difference).collect();
        let what = if what.is_empty() {
            "no difference seen".to_owned()
        } else {
            what.join(", ")
        };
        let outcome = |said| outcome(said, seen, closeness);
        let claim = self.contrast.claim.map(|claim| match outcome(claim) {
            Outcome::Seen => "; as the paper claims",
            Outcome::Opposite => "; the opposite of what the paper claims",
            Outcome::Refuted => "; not what the paper claims",
            Outcome::NotSeen => "; the paper's claim is not seen here",
            Outcome::NothingAgainst => "; nothing against what the paper claims",
        });
        let expected = self.contrast.expected.map(|expected| match outcome(expected) {
            Outcome::Seen => "; as expected",
            Outcome::Opposite => "; the opposite of what was expected",
            Outcome::Refuted => "; not what was expected",
            Outcome::NotSeen => "; what was expected is not seen",
            Outcome::NothingAgainst => "; nothing against what was expected",
        });
        what + claim.unwrap_or_default() + expected.unwrap_or_default()
    }
}

/// What becomes of `said`. Only an equivalence can show that there is no difference.
fn outcome(said: Sign, seen: Sign, closeness: Option<Closeness>) -> Outcome {
    match (said, seen, closeness) {
        (Sign::Zero, _, Some(Closeness::Within)) => Outcome::Seen,
        (Sign::Zero, _, Some(Closeness::Farther)) | (Sign::Zero, Sign::Above | Sign::Below, None) => Outcome::Refuted,
        (Sign::Zero, _, Some(Closeness::Unsettled)) => Outcome::NotSeen,
        (Sign::Zero, Sign::Zero, None) => Outcome::NothingAgainst,
        (said, seen, _) if said == seen => Outcome::Seen,
        (_, Sign::Zero, _) => Outcome::NotSeen,
        _ => Outcome::Opposite,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::questions::Contrast;
    use super::*;

    fn reading(contrast: &str, differences: &[f64]) -> String {
        let cells = "name = \"Q\"\nof = {}\nagainst = {}\n";
        let contrast: Contrast = toml::from_str(&format!("{cells}{contrast}")).unwrap();
        Comparison {
            contrast: &contrast,
            dataset: None,
            level: 0.95,
            differences: differences.to_vec(),
            diverged: 0,
            unmeasured: 0,
        }
        .reading()
    }

    #[test]
    fn either_sign_is_told_and_judged() {
        let (up, down, none) = ([0.02, 0.021, 0.022], [-0.02, -0.021, -0.022], [0.02, -0.02, 0.01]);
        for (contrast, differences, told) in [
            ("", up, "higher by 2.1"),
            ("", down, "lower by 2.1"),
            ("", none, "no difference seen"),
            ("claim = 'above'", up, "higher by 2.1; as the paper claims"),
            (
                "claim = 'below'",
                up,
                "higher by 2.1; the opposite of what the paper claims",
            ),
            (
                "claim = 'below'",
                none,
                "no difference seen; the paper's claim is not seen here",
            ),
            ("claim = 'zero'", up, "higher by 2.1; not what the paper claims"),
            (
                "claim = 'zero'",
                none,
                "no difference seen; nothing against what the paper claims",
            ),
            (
                "claim = 'above'\nexpected = 'below'",
                down,
                "lower by 2.1; the opposite of what the paper claims; as expected",
            ),
            (
                "expected = 'above'",
                down,
                "lower by 2.1; the opposite of what was expected",
            ),
            (
                "expected = 'below'",
                none,
                "no difference seen; what was expected is not seen",
            ),
            ("expected = 'zero'", down, "lower by 2.1; not what was expected"),
            (
                "expected = 'zero'",
                none,
                "no difference seen; nothing against what was expected",
            ),
            ("claim = 'above'", [0.0; 3], "exactly the same in every seed"),
        ] {
            assert_eq!(reading(contrast, &differences), told, "{contrast}");
        }
        assert!(reading("", &[0.1]).contains("a single seed"));
        assert_eq!(reading("", &[]), "not run yet");
    }

    /// Mean 2.1, half an interval .25.
    #[test]
    fn an_equivalence_is_shown_refuted_or_not_settled() {
        let (up, down) = ([0.02, 0.021, 0.022], [-0.02, -0.021, -0.022]);
        for (points, differences, told) in [
            ("2.4", up, "equal within 2.4, higher by 2.1; as expected"),
            ("2.4", down, "equal within 2.4, lower by 2.1; as expected"),
            ("1.8", up, "farther than 1.8, higher by 2.1; not what was expected"),
            ("1.8", down, "farther than 1.8, lower by 2.1; not what was expected"),
            (
                "2",
                up,
                "not settled whether within 2, higher by 2.1; what was expected is not seen",
            ),
            (
                "2",
                down,
                "not settled whether within 2, lower by 2.1; what was expected is not seen",
            ),
            ("5", [0.01, -0.01, 0.0], "equal within 5; as expected"),
            (
                "2",
                [0.01, -0.01, 0.0],
                "not settled whether within 2; what was expected is not seen",
            ),
        ] {
            let contrast = format!("equivalence = {points}\nexpected = 'zero'");
            assert_eq!(reading(&contrast, &differences), told);
        }
    }
}
