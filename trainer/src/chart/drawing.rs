//! Defines the elements of a picture, its colours, and the style of its texts and paths.

/// Width of a picture, unless its texts need more.
pub(super) const WIDTH: f64 = 960.0;

pub(super) const INK: &str = "#2f3e46";
pub(super) const GRID: &str = "#e4e4e4";
/// The ground.
pub(super) const WHITE: &str = "#fff";
/// Of areas behind points.
pub(super) const PALE: &str = "#d9ecf8";
/// Classes of texts and paths.
const STYLE: &str = "text{font:13px sans-serif;fill:#2f3e46} .heading{font-size:15px;font-weight:bold} \
    .before{text-anchor:end} .centred{text-anchor:middle} .strong{font-weight:bold} .edged{stroke-width:1.2} path{fill:none;stroke-width:1} \
    .bold{stroke-width:2.2;stroke-linejoin:round} .dashed{stroke-width:1.5;stroke-dasharray:6 4}";

/// Colours that people with any colour vision tell apart (Okabe and Ito 2008, "Color universal design").
pub(crate) const BLUE: &str = "#0072b2";
pub(crate) const VERMILLION: &str = "#d55e00";
pub(crate) const GREEN: &str = "#009e73";
/// Sky blue of the same palette, for what lies behind a blue line.
pub(crate) const SKY: &str = "#56b4e9";

/// The elements of an SVG file.
pub(super) struct Drawing(String);

impl Drawing {
    /// A white ground.
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} \
             {height}\">\n\
             <style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"{WHITE}\"/>\n"
        ))
    }

    /// A path along `way`, in the language of SVG.
    pub(super) fn path(&mut self, class: &str, colour: &str, way: &str) {
        self.0 += &format!("<path class=\"{class}\" stroke=\"{colour}\" d=\"{way}\"/>\n");
    }

    pub(super) fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.0 += &format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n");
    }

    pub(super) fn dot(&mut self, x: f64, y: f64, radius: f64, colour: &str) {
        self.0 += &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{colour}\"/>\n");
    }

    /// A dot with an edge of another colour.
    pub(super) fn edged_dot(&mut self, x: f64, y: f64, radius: f64, [fill, edge]: [&str; 2]) {
        self.0 += &format!(
            "<circle class=\"edged\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{fill}\" stroke=\"{edge}\"/>\n"
        );
    }

    /// A filled rectangle.
    pub(super) fn area(&mut self, x: f64, y: f64, width: f64, height: f64, colour: &str) {
        self.0 += &format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>\n"
        );
    }

    /// The file.
    pub(super) fn finish(self) -> String {
        self.0 + "</svg>\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_whatever_they_hold() {
        let mut drawing = Drawing::new(10.0, 20.0);
        drawing.text("plain", 1.0, 2.0, "p < .05 & <script>");
        let svg = drawing.finish();
        assert!(svg.contains(">p &lt; .05 &amp; &lt;script></text>"), "{svg}");
    }
}
