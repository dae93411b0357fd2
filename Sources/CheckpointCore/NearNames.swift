/// The candidate nearest to `name` by edit distance, where it is near enough to be what was meant:
/// at most a third of the name's length away.
package func nearestName(to name: String, among candidates: some Sequence<String>) -> String? {
  let wanted = Array(name.utf8)
  var best: (name: String, distance: Int)?
  for candidate in candidates {
    let limit = min(best.map { $0.distance - 1 } ?? .max, max(1, wanted.count / 3))
    if let distance = editDistance(wanted, Array(candidate.utf8), limit: limit) {
      best = (candidate, distance)
    }
  }
  return best?.name
}

/// "did you mean" for one name, or nothing.
package func suggestion(for name: String, among candidates: some Sequence<String>) -> String? {
  nearestName(to: name, among: candidates).map { "did you mean \($0)?" }
}

/// The Levenshtein distance, or `nil` where it exceeds `limit`.
private func editDistance(_ a: [UInt8], _ b: [UInt8], limit: Int) -> Int? {
  guard limit >= 0, abs(a.count - b.count) <= limit else { return nil }
  var row = Array(0...b.count)
  for (i, x) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, y) in b.enumerated() {
      let substituted = diagonal + (x == y ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(substituted, diagonal + 1, row[j] + 1)
    }
    guard row.min()! <= limit else { return nil }
  }
  return row[b.count] <= limit ? row[b.count] : nil
}

/// The name nearest to `name`, as `nearestName(to:among:)` finds it for texts.
package func nearestName(
  to name: TensorName, among candidates: some Sequence<TensorName>
) -> TensorName? {
  nearestName(to: name.text, among: candidates.lazy.map(\.text)).map { TensorName($0) }
}

/// "did you mean" for one name, or nothing.
package func suggestion(
  for name: TensorName, among candidates: some Sequence<TensorName>
) -> String? {
  nearestName(to: name, among: candidates).map { "did you mean \($0)?" }
}
