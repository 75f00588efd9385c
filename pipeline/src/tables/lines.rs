//! Provides `Lines`, which turns byte offsets of a text into line numbers, in one pass over the text, and
//! `numbered_lines`.

/// Counts lines up to ascending byte offsets. The CSV reader's own count is one short where lines end in CR LF and
/// does not see blank lines before a record.
pub(super) struct Lines<'a> {
    text: &'a [u8],
    offset: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Lines {
            text,
            offset: 0,
            line: 1,
        }
    }

    /// The line (from 1) of the first character at or after `offset_bytes` that ends no line.
    pub(super) fn at(&mut self, offset_bytes: u64) -> u64 {
        let mut end = usize::try_from(offset_bytes)
            .unwrap_or(usize::MAX)
            .min(self.text.len())
            .max(self.offset);
        while self.text.get(end).is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
            end += 1;
        }
        let passed = self.text.get(self.offset..end).unwrap_or_default();
        // LF, CR LF, or CR alone. Offsets never part a CR from its LF.
        let next = passed.iter().skip(1).chain(self.text.get(end));
        let ends = passed.iter().zip(next.map(Some).chain([None]));
        let ends = ends.filter(|&(byte, next)| *byte == b'\n' || *byte == b'\r' && next != Some(&b'\n'));
        self.line += ends.count() as u64;
        self.offset = end;
        self.line
    }
}

/// The lines of a text with their numbers from 1, whatever ends them: LF, CR LF, or CR alone.
pub(crate) fn numbered_lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    let lines = text
        .split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'));
    (1..).zip(lines)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn lines_of_records_whatever_ends_them() {
        for text in ["a\r\n1\r\n\r\n2\r\n", "a\n1\n\n2\n", "a\n1\n\n2", "a\r1\r\r2\r"] {
            let mut lines = Lines::new(text.as_bytes());
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let found: Vec<u64> = reader
                .records()
                .map(|r| lines.at(r.unwrap().position().unwrap().byte()))
                .collect();
            assert_eq!(found, [2, 4], "{text:?}");
        }
    }

    #[test]
    fn numbers_of_lines_whatever_ends_them() {
        for text in ["a\r\n\r\nb\r\n", "a\n\nb\n", "a\r\rb", "a\r\n\rb"] {
            let filled: Vec<_> = numbered_lines(text).filter(|(_, line)| !line.is_empty()).collect();
            assert_eq!(filled, [(1, "a"), (3, "b")], "{text:?}");
        }
    }
}
