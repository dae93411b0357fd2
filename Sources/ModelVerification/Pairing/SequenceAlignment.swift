/// The best way to put two sequences side by side without crossing (Needleman and Wunsch 1970).
enum SequenceAlignment {
  /// - Parameter score: how well two items go together; `nil` where they cannot.
  /// - Returns: pairs of places, in order.
  static func align(
    _ a: Int, _ b: Int, score: (Int, Int) -> Double?
  ) -> [(Int, Int)] {
    let width = b + 1
    var best = [Double](repeating: 0, count: (a + 1) * width)
    var isPair = [Bool](repeating: false, count: (a + 1) * width)
    for i in stride(from: a - 1, through: 0, by: -1) {
      for j in stride(from: b - 1, through: 0, by: -1) {
        let skipped = max(best[(i + 1) * width + j], best[i * width + j + 1])
        best[i * width + j] = skipped
        if let value = score(i, j), best[(i + 1) * width + j + 1] + value > skipped {
          best[i * width + j] = best[(i + 1) * width + j + 1] + value
          isPair[i * width + j] = true
        }
      }
    }
    var result: [(Int, Int)] = []
    var (i, j) = (0, 0)
    while i < a, j < b {
      if isPair[i * width + j] {
        result.append((i, j))
        (i, j) = (i + 1, j + 1)
      } else if best[(i + 1) * width + j] >= best[i * width + j + 1] {
        i += 1
      } else {
        j += 1
      }
    }
    return result
  }
}
