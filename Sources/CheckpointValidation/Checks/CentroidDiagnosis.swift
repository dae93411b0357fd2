/// Tells from the centroid of a tensor's energy whether its axes were exchanged or flipped where the
/// shape cannot tell: square kernels.
///
/// A rearrangement moves the centroid exactly; training moves it a little. One is named only where
/// it explains the found centroid far better than leaving everything in place does.
struct CentroidDiagnosis {
  let extents: [Int]

  /// How much better: a quarter of the distance that needs explaining.
  private static let margin = 0.25
  /// Distances below this part of an axis say nothing.
  private static let noise = 1e-3

  /// What was done, as a phrase.
  func rearrangement(recorded: [Double], found: [Double]) -> String? {
    guard recorded.count == extents.count, found.count == extents.count, extents.count <= 5 else {
      return nil
    }
    let inPlace = distance(recorded, found)
    guard inPlace > Self.noise else { return nil }
    var best: (distance: Double, phrase: String)?
    for order in permutations(Array(extents.indices)) {
      guard order.indices.allSatisfy({ extents[order[$0]] == extents[$0] }) else { continue }
      for flips in 0..<(1 << extents.count) {
        // An axis of one element looks the same flipped.
        let flipped = extents.indices.filter { flips >> $0 & 1 == 1 }
        guard flipped.allSatisfy({ extents[$0] > 1 }) else { continue }
        let isIdentity = flipped.isEmpty && order == Array(extents.indices)
        guard !isIdentity else { continue }
        let moved = extents.indices.map { axis in
          let value = recorded[order[axis]]
          return flipped.contains(axis) ? Double(extents[axis] - 1) - value : value
        }
        let candidate = distance(moved, found)
        if candidate < best?.distance ?? .infinity {
          best = (candidate, phrase(order, flipped))
        }
      }
    }
    guard let best, best.distance <= Self.margin * inPlace else { return nil }
    return best.phrase
  }

  /// The largest difference along an axis, as a part of its extent.
  private func distance(_ a: [Double], _ b: [Double]) -> Double {
    zip(extents, zip(a, b)).map { extent, pair in
      (pair.0 - pair.1).magnitude / Double(max(extent, 1))
    }.max() ?? 0
  }

  private func permutations(_ items: [Int]) -> [[Int]] {
    guard items.count > 1 else { return [items] }
    return items.indices.flatMap { index -> [[Int]] in
      var rest = items
      let first = rest.remove(at: index)
      return permutations(rest).map { [first] + $0 }
    }
  }

  private func phrase(_ order: [Int], _ flipped: [Int]) -> String {
    let exchanged = order.indices.filter { order[$0] != $0 }
    let parts = [
      exchanged.isEmpty ? nil : "axes \(list(exchanged)) exchanged",
      flipped.isEmpty
        ? nil : "\(flipped.count == 1 ? "axis" : "axes") \(list(flipped)) flipped",
    ]
    return "looks \(exchanged.isEmpty ? "flipped" : "transposed"): "
      + parts.compactMap(\.self).joined(separator: ", ")
  }

  private func list(_ axes: [Int]) -> String {
    axes.map(String.init).joined(separator: " and ")
  }
}
