/// `text` as it stands in XML and HTML, in an element or in an attribute.
///
/// Control characters are written out by `printable`, and so are the two more characters that XML 1.0
/// cannot hold; newlines are kept.
package func markupEscaped(_ text: String) -> String {
  text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
    printable(String(line)).replacing("&", with: "&amp;").replacing("<", with: "&lt;")
      .replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
      .replacing("\u{FFFE}", with: "\\u{fffe}").replacing("\u{FFFF}", with: "\\u{ffff}")
  }.joined(separator: "&#10;")
}
