import Bytes
import CheckpointCore

/// A report as one HTML page that needs nothing else: no network, no other file.
///
/// The page may run the script and show the style that it carries, which a policy in its head says
/// by their hashes; names from a checkpoint reach it as data and as text, never as markup.
package enum ReportPage {
  package static func html(_ report: CheckpointReport) -> String {
    let script = [PackageResources.charts_js, PackageResources.tree_js, PackageResources.page_js]
      .map(text).joined(separator: "\n")
    let style = text(PackageResources.report_css)
    let parts = [
      "TITLE": markupEscaped(report.description.path),
      "SUMMARY": markupEscaped(report.description.lines().joined(separator: "\n")),
      "POLICY":
        "default-src 'none'; script-src '\(digest(script))'; style-src '\(digest(style))'; "
        + "img-src data:",
      "STYLE": style,
      "SCRIPT": script,
      "DATA": embedded(report.json),
    ]
    var page = ""
    // The template is taken apart once, so that nothing in what is put in is taken for a mark.
    for (index, piece) in text(PackageResources.report_html).split(
      separator: "@@", omittingEmptySubsequences: false
    ).enumerated() {
      page += index % 2 == 0 ? String(piece) : parts[String(piece)] ?? ""
    }
    return page
  }

  private static func text(_ resource: [UInt8]) -> String {
    String(decoding: resource, as: UTF8.self)
  }

  /// The document as the page carries it: a zlib stream, which takes a third of its size, in letters
  /// that a script element can hold.
  private static func embedded(_ value: JSONValue) -> String {
    base64(Deflate.zlib(Array(value.serialized().utf8)))
  }

  /// A source of the page's policy (CSP level 2, section 4.2.5).
  private static func digest(_ text: String) -> String {
    "sha256-" + base64(SHA256.hash(Array(text.utf8).span))
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var result: [UInt8] = []
    result.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for digit in 0..<4 {
        result.append(
          digit <= group.count ? digits[bits >> (18 - 6 * digit) & 63] : UInt8(ascii: "="))
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
