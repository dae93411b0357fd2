import CheckpointCore

/// One label for several: `.layer{0…11}`, `.{q,k,v}_proj`, `.{0…3,7}`.
enum FamilyLabel {
  /// The label of a family, from those of its members, which differ.
  static func label(_ labels: [String]) -> String {
    let texts = labels.map { NumberedText($0) }
    var families: [[TensorName]: [NumberedText]] = [:]
    for text in texts { families[text.words, default: []].append(text) }
    let parts = texts.flatMap { text in
      families.removeValue(forKey: text.words).map(counted) ?? []
    }
    return parts.count == 1 ? parts[0] : alternatives(parts)
  }

  /// The members of one numbered family as one label, where they count in a single place.
  private static func counted(_ members: [NumberedText]) -> [String] {
    let first = members[0]
    let varying = first.numbers.indices.filter { column in
      members.contains { $0.numbers[column] != first.numbers[column] }
    }
    guard members.count > 1, varying.count == 1 else { return members.map { $0.text() } }
    return [
      first.text { column, number in
        column == varying[0] ? "{\(ranges(members.map { $0.numbers[column] }))}" : "\(number)"
      }
    ]
  }

  /// `0…3,5`: runs of three and more are ranges.
  private static func ranges(_ numbers: [Int]) -> String {
    var runs: [ClosedRange<Int>] = []
    for number in numbers.sorted() {
      if let last = runs.last, last.upperBound + 1 == number {
        runs[runs.count - 1] = last.lowerBound...number
      } else {
        runs.append(number...number)
      }
    }
    return runs.map { run in
      switch run.count {
      case 1: "\(run.lowerBound)"
      case 2: "\(run.lowerBound),\(run.upperBound)"
      default: "\(run.lowerBound)…\(run.upperBound)"
      }
    }.joined(separator: ",")
  }

  /// `{q,k,v}_proj`: what all have in common stands outside the braces.
  private static func alternatives(_ labels: [String]) -> String {
    let all = labels.map { Array($0.unicodeScalars) }
    let shortest = all.map(\.count).min() ?? 0
    let first = all[0]
    var front = 0
    while front < shortest, all.allSatisfy({ $0[front] == first[front] }) { front += 1 }
    var back = 0
    while back < shortest - front,
      all.allSatisfy({ $0[$0.count - 1 - back] == first[first.count - 1 - back] })
    {
      back += 1
    }
    // {weight,height}, not {w,h}eight: words stay whole.
    while front > 0, isWithinWord(first[front - 1]) { front -= 1 }
    while back > 0, isWithinWord(first[first.count - back]) { back -= 1 }
    let inner = all.map { text($0[front..<$0.count - back]) }.joined(separator: ",")
    return text(first[..<front]) + "{\(inner)}" + text(first[(first.count - back)...])
  }

  private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
    var result = String.UnicodeScalarView()
    result.append(contentsOf: scalars)
    return String(result)
  }

  private static func isWithinWord(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isAlphabetic || scalar.properties.numericType != nil
      || "{}…,".unicodeScalars.contains(scalar)
  }
}
