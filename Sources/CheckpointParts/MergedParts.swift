import Bytes
import CheckpointCore
import CheckpointInspection

/// The documents of all parts of one command, put together.
package struct MergedParts: Sendable {
  /// The command line, without what says how to divide and how to print.
  package let arguments: [String]
  let openings: [PartDocument.Opening]
  let places: [PartDocument.Places]
  let passes: [PassPlace: Pass]
  /// Whether the parts may have read copies of the files.
  package let allowsCopies: Bool

  /// What all parts did of a pass.
  struct Pass: Sendable {
    let digest: String
    /// One per item.
    let outcomes: [Result<JSONValue, CheckpointError>]
  }

  /// More than the parts of any model's conversion.
  private static let maximumSize = 1 << 30

  /// - Parameters:
  ///   - paths: the parts' documents, in any order.
  ///   - allowingCopies: whether the parts may have read copies of the files.
  /// - Throws: `CheckpointError` that names every part that is missing, there twice, damaged, or of
  ///   another run.
  package init(_ paths: [String], toolVersion: String, allowingCopies: Bool) throws {
    var problems: [String] = []
    var documents: [(path: String, document: PartDocument)] = []
    for path in paths {
      do {
        let bytes = try DocumentFile.read(path, limit: Self.maximumSize, kind: "a part's result")
        documents.append((path, try PartDocument(bytes)))
      } catch {
        problems.append("\(path) is damaged or no part's result (\(Self.reason(error)))")
      }
    }
    problems += Self.problems(documents, toolVersion, allowingCopies: allowingCopies)
    guard problems.isEmpty, let first = documents.first?.document else {
      throw CheckpointError(
        "nothing was merged: " + problems.joined(separator: "; "),
        advice: "run the parts that are named again, and name each part's result once")
    }
    let sorted = documents.map(\.document).sorted { $0.part.number < $1.part.number }
    arguments = first.arguments
    places = first.places
    openings = try first.openings.indices.map { try Self.opening($0, sorted) }
    passes = try Dictionary(
      first.passes.indices.map { (first.passes[$0].place, try Self.pass($0, sorted)) },
      uniquingKeysWith: { first, _ in first })
    allowsCopies = allowingCopies
    let stale = Self.changedSince(first, openings, allowingCopies: allowingCopies)
    guard stale.isEmpty else {
      throw CheckpointError(
        "nothing was merged: " + stale.joined(separator: "; "),
        advice: "run all parts again")
    }
  }

  private static func reason(_ error: any Error) -> String {
    switch error {
    case let error as CheckpointError: error.message
    case let error as FileSystemError: CheckpointError(error).message
    default: "\(error)"
    }
  }

  /// What keeps the documents from being one run's.
  private static func problems(
    _ documents: [(path: String, document: PartDocument)], _ toolVersion: String,
    allowingCopies: Bool
  ) -> [String] {
    guard let (firstPath, first) = documents.first else { return [] }
    var problems: [String] = []
    var seen: [Int: String] = [:]
    for (path, document) in documents {
      let part = "part \(document.part) (\(path))"
      guard document.toolVersion == toolVersion else {
        problems.append(
          "\(part) was made by version \(document.toolVersion), this is \(toolVersion)")
        continue
      }
      guard document.part.count == first.part.count, document.arguments == first.arguments else {
        problems.append(
          "\(part) is of another run than \(firstPath): '\(Self.line(document))' instead of "
            + "'\(Self.line(first))'")
        continue
      }
      if let reason = difference(document, first, allowingCopies: allowingCopies) {
        problems.append("\(part) is of another run than \(firstPath): \(reason)")
      }
      if let other = seen.updateValue(path, forKey: document.part.number) {
        problems.append("part \(document.part) is there twice (\(other), \(path))")
      }
    }
    let missing = (1...first.part.count).filter { seen[$0] == nil }
    if !missing.isEmpty, !documents.isEmpty {
      let shown = missing.prefix(12).map(String.init).joined(separator: ", ")
      problems.append(
        "of \(first.part.count) parts, \(missing.count) \(missing.count == 1 ? "is" : "are") "
          + "missing: \(shown)\(missing.count > 12 ? ", …" : "")")
    }
    return problems
  }

  private static func line(_ document: PartDocument) -> String {
    (document.arguments + ["--part", "I/\(document.part.count)"]).joined(separator: " ")
  }

  /// What two parts of one command line read that was not the same.
  private static func difference(
    _ a: PartDocument, _ b: PartDocument, allowingCopies: Bool
  ) -> String? {
    for (own, other) in zip(a.sources, b.sources) where own != other {
      return "\(own.path) had another content"
    }
    for (own, other) in zip(a.openings, b.openings) {
      switch (own.result, other.result) {
      case (.success(let x), .success(let y)):
        guard x.digest == y.digest, x.identity.matches(y.identity, allowingCopies: true) else {
          return "it read another \(own.path)"
        }
        guard x.identity.matches(y.identity, allowingCopies: allowingCopies) else {
          return "\(own.path) was written at another time (--allow-copies where the parts read "
            + "copies of it)"
        }
      case (.failure(let x), .failure(let y)) where x == y: break
      default: return "only one of them could open \(own.path)"
      }
    }
    let isSame =
      a.places == b.places && a.sources.count == b.sources.count
      && a.openings.count == b.openings.count && a.passes.count == b.passes.count
      && zip(a.passes, b.passes).allSatisfy {
        $0.place == $1.place && $0.digest == $1.digest && $0.count == $1.count
      }
    return isSame ? nil : "it found other work to do"
  }

  /// A checkpoint with the entries of all parts.
  private static func opening(
    _ index: Int, _ documents: [PartDocument]
  ) throws -> PartDocument.Opening {
    let openings = documents.map { $0.openings[index] }
    guard case .success(let first) = openings[0].result else { return openings[0] }
    let entries = try openings.flatMap { try $0.result.get().entries }
    guard entries.count == first.count, digest(of: entries) == first.digest else {
      throw CheckpointError(
        file: first.path, "the parts together do not list what each of them opened",
        advice: "run all parts again")
    }
    return PartDocument.Opening(
      path: openings[0].path,
      result: .success(
        PartDocument.Listing(
          path: first.path, format: first.format, formatDescription: first.formatDescription,
          notes: first.notes, files: first.files, identity: first.identity, count: first.count,
          digest: first.digest,
          first: 0, entries: entries)))
  }

  /// A pass with the outcomes of all parts.
  private static func pass(_ index: Int, _ documents: [PartDocument]) throws -> Pass {
    let passes = documents.map { $0.passes[index] }
    var outcomes = [Result<JSONValue, CheckpointError>?](repeating: nil, count: passes[0].count)
    for (document, pass) in zip(documents, passes) {
      for (item, result) in pass.outcomes {
        guard outcomes.indices.contains(item), outcomes[item] == nil else {
          throw CheckpointError(
            "part \(document.part) did what is not its to do", advice: "run it again")
        }
        outcomes[item] = result
      }
    }
    let all = outcomes.compactMap(\.self)
    guard all.count == outcomes.count else {
      throw CheckpointError(
        "\(outcomes.count - all.count) of \(outcomes.count) results are in none of the parts",
        advice: "run all parts again")
    }
    return Pass(digest: passes[0].digest, outcomes: all)
  }

  /// The files that are at hand here and are not what the parts read any more. Where there is none,
  /// the parts were done elsewhere, and they are taken at their word.
  private static func changedSince(
    _ document: PartDocument, _ openings: [PartDocument.Opening], allowingCopies: Bool
  ) -> [String] {
    var problems: [String] = []
    for source in document.sources {
      let now = try? documentDigest(source.path)
      if now != source.sha256 {
        problems.append(
          now == nil
            ? "\(source.path) is needed and cannot be read here"
            : "\(source.path) has changed since the parts were done")
      }
    }
    for opening in openings {
      guard case .success(let listing) = opening.result,
        let now = try? FileIdentity(of: listing.files)
      else { continue }
      if !now.matches(listing.identity, allowingCopies: allowingCopies) {
        problems.append(
          "\(listing.path) has changed since the parts were done"
            + (now.matches(listing.identity, allowingCopies: true)
              ? ", by its time (--allow-copies where this is a copy)" : ""))
      }
    }
    return problems
  }
}
