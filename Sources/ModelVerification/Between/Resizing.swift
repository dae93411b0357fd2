import ReferenceLayers

/// An image of more pixels from one of fewer: by the nearest pixel, or on a straight line between pixels,
/// whose corners, or whose borders, are the larger image's.
enum Resizing: String, CaseIterable, Sendable {
  case nearest = "the nearest pixels"
  case linear = "pixels between pixels"
  case alignedLinear = "pixels between pixels, corners on corners"

  /// (items, height, width, channels) → the same with another height and width
  func callAsFunction(_ x: Tensor<Float>, to extents: [Int]) -> Tensor<Float> {
    zip([1, 2], extents).reduce(x) { along($1.0, $0, to: $1.1) }
  }

  private func along(_ axis: Int, _ x: Tensor<Float>, to extent: Int) -> Tensor<Float> {
    let own = x.shape[axis]
    let (before, after) = (x.shape[..<axis].reduce(1, *), x.shape[(axis + 1)...].reduce(1, *))
    var shape = x.shape
    shape[axis] = extent
    var result = Tensor<Float>(zeros: shape)
    for place in 0..<extent {
      let (low, high, share) = neighbours(place, own, extent)
      for block in 0..<before {
        let (a, b) = ((block * own + low) * after, (block * own + high) * after)
        let target = (block * extent + place) * after
        for item in 0..<after {
          result.values[target + item] =
            x.values[a + item] * (1 - share) + x.values[b + item] * share
        }
      }
    }
    return result
  }

  /// The two places that one lies between, and how far towards the second.
  private func neighbours(_ place: Int, _ own: Int, _ extent: Int) -> (Int, Int, Float) {
    let at: Double
    switch self {
    case .nearest: return (place * own / extent, place * own / extent, 0)
    case .linear:
      at = (Double(place) + 0.5) * Double(own) / Double(extent) - 0.5
    case .alignedLinear:
      at = extent > 1 ? Double(place) * Double(own - 1) / Double(extent - 1) : 0
    }
    let inside = min(max(at, 0), Double(own - 1))
    let low = Int(inside)
    return (low, min(low + 1, own - 1), Float(inside - Double(low)))
  }
}
