import CheckpointCore

/// A known mistake with a tensor's layout: where the right elements stand in the wrong tensor.
///
/// The wrong tensor is read along `axes`, outermost first; index `i` along one of them is the step
/// `strides[i]`-fold in the right tensor.
struct MisplacedElements: Sendable {
  struct Axis: Sendable, Equatable {
    let extent: Int
    /// The step in the right tensor.
    let stride: Int
    /// The right index for each index, where they are in another order.
    var order: [Int]?
  }

  /// A phrase that follows the tensor's name.
  let phrase: String
  let axes: [Axis]
  var offset = 0

  /// The position in the right tensor of the element at `position` of the wrong one.
  func source(of position: Int) -> Int {
    var rest = position
    var result = offset
    for axis in axes.reversed() {
      let index = rest % max(1, axis.extent)
      rest /= max(1, axis.extent)
      result += (axis.order?[index] ?? index) * axis.stride
    }
    return result
  }

  /// Whether `found` is `expected` with exactly this mistake.
  func explains(_ found: [Double], _ expected: [Double]) -> Bool {
    found.indices.allSatisfy { position in
      let source = source(of: position)
      return expected.indices.contains(source) && expected[source] == found[position]
    }
  }
}
