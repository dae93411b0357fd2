/// A sentence on one line: printable, and with the names in it cut to a length that can be read.
package func oneLine(_ sentence: String) -> String {
  let maximumSentence = 10_000
  guard sentence.utf8.count > maximumWord else { return printable(sentence) }
  let words = sentence.split(separator: " ", omittingEmptySubsequences: false)
    .map { abbreviated(String($0)) }
  return printable(abbreviated(words.joined(separator: " "), to: maximumSentence))
}

/// Longer than any name that means something to a person.
private let maximumWord = 300

/// `text`, or its beginning and its end where it has more than `limit` scalars: names in a file may
/// have a million, and where they differ is often at the end.
package func abbreviated(_ text: String, to limit: Int? = nil) -> String {
  let limit = limit ?? maximumWord
  let scalars = text.unicodeScalars
  guard text.utf8.count > limit, scalars.count > limit else { return text }
  return "\(String(scalars.prefix(limit / 2 - 1)))…\(String(scalars.suffix(limit - limit / 2)))"
}

/// `text` with control characters (a name from a hostile file may hold an escape sequence or a
/// newline) written as `\u{…}`.
package func printable(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: isControl) else { return text }
  var result = ""
  for scalar in text.unicodeScalars {
    if isControl(scalar) {
      result += "\\u{\(String(scalar.value, radix: 16))}"
    } else {
      result.unicodeScalars.append(scalar)
    }
  }
  return result
}

/// C0 and C1 controls, DEL, and the marks that reorder or break a line of text.
private func isControl(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
  default: false
  }
}
