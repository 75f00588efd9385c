//! Provides the pieces of the page: escaped text, tables that can be sorted, sections.

use std::fmt::Write;

/// The text with the characters that mean something to HTML replaced.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A cell of a table.
pub(super) enum Cell {
    /// Text, sorted as such.
    Text(String),
    /// A number as it is shown, sorted by its value.
    Number(f64, String),
    /// Shares of a whole as a bar, sorted by the first; each with its class in the style sheet and its name.
    Bar(Vec<(u64, &'static str)>),
}

impl Cell {
    /// A count.
    pub(super) fn count(count: u64) -> Self {
        Self::Number(count as f64, count.to_string())
    }

    /// A number from 0 to 1 in percent.
    pub(super) fn percent(share: f64) -> Self {
        Self::Number(share, format!("{:.1} %", 100.0 * share))
    }

    fn write(&self, html: &mut String) {
        match self {
            Self::Text(text) => html.push_str(&format!("<td>{}</td>", escape(text))),
            Self::Number(value, text) => {
                html.push_str(&format!(
                    "<td class=\"number\" data-value=\"{value}\">{}</td>",
                    escape(text)
                ));
            }
            Self::Bar(shares) => {
                let whole = shares.iter().map(|(count, _)| count).sum::<u64>().max(1) as f64;
                let percent = |count: u64| 100.0 * count as f64 / whole;
                let first = shares.first().map_or(0.0, |&(count, _)| percent(count));
                html.push_str(&format!("<td data-value=\"{first}\"><span class=\"bar\">"));
                for &(count, name) in shares.iter().filter(|(count, _)| *count > 0) {
                    let width = percent(count);
                    html.push_str(&format!(
                        "<span class=\"{name}\" style=\"width:{width:.2}%\" title=\"{name}: {count} ({width:.1} %)\"></span>"
                    ));
                }
                html.push_str("</span></td>");
            }
        }
    }
}

/// A page in the making.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Adds what is HTML already.
    pub(super) fn raw(&mut self, html: &str) {
        self.0.push_str(html);
    }

    /// Begins a section with its heading; `id` is its anchor.
    pub(super) fn section(&mut self, id: &str, heading: &str) {
        self.raw(&format!("<h2 id=\"{id}\">{}</h2>\n", escape(heading)));
    }

    /// A heading within a section.
    pub(super) fn heading(&mut self, heading: &str) {
        self.raw(&format!("<h3>{}</h3>\n", escape(heading)));
    }

    /// A paragraph.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.raw(&format!("<p>{}</p>\n", escape(text)));
    }

    /// A list of sentences.
    pub(super) fn list(&mut self, sentences: &[String]) {
        self.raw("<ul>\n");
        for sentence in sentences {
            self.raw(&format!("<li>{}</li>\n", escape(sentence)));
        }
        self.raw("</ul>\n");
    }

    /// A table whose rows a click on a heading sorts. `caption` says what it shows.
    pub(super) fn table(&mut self, caption: &str, headings: &[&str], rows: &[Vec<Cell>]) {
        self.raw(&format!(
            "<div class=\"scroll\"><table class=\"sortable\"><caption>{}</caption>\n<thead><tr>",
            escape(caption)
        ));
        let first = rows.first().map_or(&[][..], Vec::as_slice);
        for (column, heading) in headings.iter().enumerate() {
            let class = match first.get(column) {
                Some(Cell::Number(..)) => " class=\"number\"",
                _ => "",
            };
            self.raw(&format!(
                "<th scope=\"col\"{class}><button type=\"button\">{}</button></th>",
                escape(heading)
            ));
        }
        self.raw("</tr></thead>\n<tbody>\n");
        for row in rows {
            self.raw("<tr>");
            row.iter().for_each(|cell| cell.write(&mut self.0));
            self.raw("</tr>\n");
        }
        self.raw("</tbody></table></div>\n");
    }

    /// Names and their values.
    pub(super) fn facts(&mut self, facts: &[(&str, String)]) {
        self.raw("<dl>\n");
        for (name, value) in facts {
            self.raw(&format!(
                "<div><dt>{}</dt><dd>{}</dd></div>\n",
                escape(name),
                escape(value)
            ));
        }
        self.raw("</dl>\n");
    }

    /// Text that is shown when it is asked for.
    pub(super) fn details(&mut self, summary: &str, text: &str) {
        self.raw(&format!(
            "<details><summary>{}</summary><pre>{}</pre></details>\n",
            escape(summary),
            escape(text)
        ));
    }

    /// The whole page, with its style and script in it.
    pub(super) fn into_page(self, title: &str) -> String {
        let mut page = String::with_capacity(self.0.len() + 16_384);
        // Writing to a string does not fail.
        let _ = write!(
            page,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
             style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
             <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n{}</main>\n<script>\n{}</script>\n\
             </body>\n</html>\n",
            escape(title),
            include_str!("report.css"),
            self.0,
            include_str!("report.js"),
        );
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let evil = "<script>alert(\"1\")</script> & 'x'";
        let mut html = Html::default();
        html.section("a", evil);
        html.heading(evil);
        html.paragraph(evil);
        html.list(&[evil.to_owned()]);
        html.table(
            evil,
            &[evil],
            &[vec![Cell::Text(evil.to_owned()), Cell::Number(1.0, evil.to_owned())]],
        );
        html.facts(&[(evil, evil.to_owned())]);
        html.details(evil, evil);
        let page = html.into_page(evil);
        assert_eq!(page.matches("<script>").count(), 1, "the page's own");
        assert_eq!(page.matches("&lt;script&gt;alert(&quot;1&quot;)").count(), 13);
    }

    #[test]
    fn a_bar_has_the_shares_of_its_counts() {
        let mut html = String::new();
        Cell::Bar(vec![(1, "present"), (0, "absent"), (3, "unknown")]).write(&mut html);
        assert!(html.contains("class=\"present\" style=\"width:25.00%\""), "{html}");
        assert!(
            html.contains("unknown: 3 (75.0 %)") && !html.contains("absent"),
            "{html}"
        );
        let mut empty = String::new();
        Cell::Bar(vec![(0, "present")]).write(&mut empty);
        assert!(empty.contains("data-value=\"0\""), "{empty}");
    }
}
