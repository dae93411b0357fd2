import CheckpointCore

/// Finds the patterns that a name could match without trying them all.
///
/// Every pattern is filed under something that each of its names must have: how it begins, how it
/// ends, a whole part between separators, or a text within it. Of what a pattern has to offer, that is
/// taken which the fewest others share. Only patterns of wildcards alone are tried on every name.
struct PatternIndex: Sendable {
  private enum Key: Hashable {
    case prefix([UInt8])
    case suffix([UInt8])
    case part([UInt8])
    case within([UInt8])
  }

  private var byKey: [Key: [Int]] = [:]
  /// How long the prefixes, the suffixes and the texts within among the keys are.
  private var prefixLengths: Set<Int> = []
  private var suffixLengths: Set<Int> = []
  private var lengthsWithin: Set<Int> = []
  private var others: [Int] = []

  /// - Parameter patterns: each with the number it is to be found by.
  init(_ patterns: [(number: Int, pattern: NamePattern)]) {
    let keys = patterns.map { Self.keys(of: $0.pattern) }
    let uses = Dictionary(keys.joined().map { ($0, 1) }, uniquingKeysWith: +)
    for ((number, _), keys) in zip(patterns, keys) {
      guard let key = keys.min(by: { uses[$0] ?? 0 < uses[$1] ?? 0 }) else {
        others.append(number)
        continue
      }
      byKey[key, default: []].append(number)
      switch key {
      case .prefix(let bytes): prefixLengths.insert(bytes.count)
      case .suffix(let bytes): suffixLengths.insert(bytes.count)
      case .part: break
      case .within(let bytes): lengthsWithin.insert(bytes.count)
      }
    }
  }

  /// The numbers of the patterns to try on `name`, in no order.
  func candidates(for name: TensorName) -> [Int] {
    let bytes = Array(name.utf8)
    var result = others
    for length in prefixLengths where length <= bytes.count {
      result += byKey[.prefix(Array(bytes.prefix(length)))] ?? []
    }
    for length in suffixLengths where length <= bytes.count {
      result += byKey[.suffix(Array(bytes.suffix(length)))] ?? []
    }
    for part in Set(Self.parts(bytes[...])) { result += byKey[.part(part)] ?? [] }
    for length in lengthsWithin where length <= bytes.count {
      let texts = Set((0...bytes.count - length).map { Array(bytes[$0..<$0 + length]) })
      for text in texts { result += byKey[.within(text)] ?? [] }
    }
    return result
  }

  private static func keys(of pattern: NamePattern) -> [Key] {
    let runs = pattern.literalRuns
    guard let first = runs.first, let last = runs.last else { return [] }
    var keys: [Key] = []
    if !first.isEmpty { keys.append(.prefix(first)) }
    if !last.isEmpty { keys.append(.suffix(last)) }
    for run in runs {
      // What stands before the first separator and behind the last may be the rest of a part.
      keys += parts(run[...]).dropFirst().dropLast().filter { !$0.isEmpty }.map { .part($0) }
    }
    // The dearest to look up: only where the others tell less.
    return keys + runs.filter { !$0.isEmpty }.map { .within($0) }
  }

  private static func parts(_ bytes: ArraySlice<UInt8>) -> [[UInt8]] {
    bytes.split(omittingEmptySubsequences: false, whereSeparator: TensorName.isSeparator)
      .map(Array.init)
  }
}
