//! Provides `finite_number`, the number a text is.

/// A finite number with a decimal point.
///
/// # Errors
/// What was expected instead.
pub(crate) fn finite_number(text: &str) -> Result<f64, &'static str> {
    let parse = |text: &str| text.parse::<f64>().ok().filter(|value| value.is_finite());
    parse(text).ok_or_else(|| match text.split_once(',') {
        // A comma may part thousands, too, so it is not for us to say what such a number is.
        Some((whole, decimals)) if parse(&format!("{whole}.{decimals}")).is_some() => {
            "has a decimal comma; write a point, as in 1.5"
        }
        _ => "expected a finite number",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_comma_is_named_and_not_read() {
        assert_eq!(finite_number("-0.5e1"), Ok(-5.0));
        for text in ["0,5", "1000,0", "-3,25"] {
            assert!(
                finite_number(text).is_err_and(|message| message.contains("decimal comma")),
                "{text}"
            );
        }
        for text in ["", "x", "inf", "NaN", "1,000,000", "a,5", "1e999"] {
            assert_eq!(finite_number(text), Err("expected a finite number"), "{text}");
        }
    }
}
