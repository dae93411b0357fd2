/// One dimension of a target, as the digits that its index is made of: axes of the source, and the
/// place among several sources.
struct AxisDigits {
  struct Digit: Equatable {
    let extent: Int
    /// The step in the source; negative where the axis is flipped.
    let stride: Int
  }

  /// Outside the place among the sources, outermost first; all digits where there is one source.
  let outer: [Digit]
  /// The sources in their places along the dimension, `nil` for a place without one.
  let order: [Int?]
  /// Inside that place.
  let inner: [Digit]

  /// - Returns: `nil` where the places follow from no such digits.
  init?(_ line: [LinePositions.Place]) {
    let owners = line.map { $0?.source }
    guard Set(owners).count > 1 else {
      guard let digits = Self.digits(line.map { $0?.position ?? 0 }) else { return nil }
      outer = digits
      order = [owners.first ?? nil]
      inner = []
      return
    }
    // The length of a block: the shortest run of one source; runs without a source are several.
    var runs: [(owner: Int?, count: Int)] = []
    for owner in owners {
      if let last = runs.last, last.owner == owner {
        runs[runs.count - 1].count += 1
      } else {
        runs.append((owner, 1))
      }
    }
    guard let width = runs.filter({ $0.owner != nil }).map(\.count).min(), line.count % width == 0
    else { return nil }
    let blocks = stride(from: 0, to: line.count, by: width).map { owners[$0] }
    let period =
      blocks.indices.dropFirst().first { index in
        blocks.count % index == 0
          && blocks.indices.allSatisfy { blocks[$0] == blocks[$0 % index] }
      } ?? blocks.count
    let order = Array(blocks[..<period])
    guard owners.indices.allSatisfy({ owners[$0] == order[$0 / width % period] }),
      let place = order.firstIndex(where: { $0 != nil }),
      let inner = Self.digits(
        (0..<width).map { line[place * width + $0]?.position ?? 0 }),
      let outer = Self.digits(
        (0..<blocks.count / period).map { line[($0 * period + place) * width]?.position ?? 0 })
    else { return nil }
    self.outer = outer
    self.order = order
    self.inner = inner
  }

  /// The digits of a sequence of positions: a run of equal steps, runs of such runs, and so on.
  static func digits(_ positions: [Int]) -> [Digit]? {
    guard positions.count > 1 else { return [] }
    let step = positions[1] - positions[0]
    guard step != 0 else { return nil }
    var length = 2
    while length < positions.count,
      positions[length] - positions[0] == length * step
    {
      length += 1
    }
    guard positions.count % length == 0 else { return nil }
    let starts = stride(from: 0, to: positions.count, by: length).map { positions[$0] }
    for (index, start) in starts.enumerated() {
      for offset in 0..<length
      where positions[index * length + offset] != start + offset * step { return nil }
    }
    guard let outer = digits(starts) else { return nil }
    return outer + [Digit(extent: length, stride: step)]
  }

  /// What an index of the dimension adds to the position in the source.
  func offset(of index: Int) -> Int {
    func sum(_ digits: [Digit], _ value: Int) -> Int {
      var rest = value
      var total = 0
      for digit in digits.reversed() {
        total += rest % digit.extent * digit.stride
        rest /= digit.extent
      }
      return total
    }
    let width = inner.reduce(1) { $0 * $1.extent }
    return sum(inner, index % width) + sum(outer, index / width / order.count)
  }
}
