package import CheckpointCore
import CheckpointInspection

/// A JSON document on one line that ends with the SHA-256 of what stands before: whoever reads it
/// knows that nothing was changed and nothing is missing.
package enum SealedDocument {
  private static let key = ",\"sha256\":\""

  /// The line, without its end.
  ///
  /// - Parameter members: of the document; none of them is called `sha256`.
  package static func text(_ members: [JSONValue.Member]) -> String {
    let text = JSONValue.object(members).serialized().dropLast()
    return "\(text)\(key)\(digest(text.utf8))\"}"
  }

  /// The seal of a document as `text` gave it.
  package static func seal(of text: String) -> String { String(text.dropLast(2).suffix(64)) }

  /// The document in `bytes`.
  ///
  /// - Throws: `CheckpointError` where it is damaged.
  package static func read(_ bytes: some Collection<UInt8>) throws -> DocumentNode {
    var bytes = Array(bytes)
    while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") {
      bytes.removeLast()
    }
    // The seal: the key, 64 digits, a quotation mark and a brace.
    let length = key.utf8.count + 66
    let start = bytes.count - length
    guard start > 0, bytes[start...].starts(with: key.utf8) else {
      throw CheckpointError("this is no sealed document, or its end is missing")
    }
    let found = bytes[(start + key.utf8.count)...].prefix(64)
    guard digest(bytes[..<start]).utf8.elementsEqual(found) else {
      throw CheckpointError("this document was changed after it was written, or is damaged")
    }
    do {
      return DocumentNode(try JSONParser.parse(bytes))
    } catch {
      throw CheckpointError("not a JSON document: \(error)")
    }
  }

  private static func digest(_ bytes: some Collection<UInt8>) -> String {
    sha256(of: Array(bytes).span)
  }
}
