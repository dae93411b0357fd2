/// A box of a tensor's index space: what a run of consecutive elements is made of.
struct ElementBox: Sendable, Equatable {
  /// The first index along each dimension.
  let origin: [Int]
  let extents: [Int]

  /// The number of elements.
  var count: Int { extents.reduce(1, *) }

  /// The elements that both boxes hold; `nil` where there are none.
  func intersection(_ other: ElementBox) -> ElementBox? {
    let ranges = origin.indices.map { axis in
      (origin[axis]..<origin[axis] + extents[axis])
        .clamped(to: other.origin[axis]..<other.origin[axis] + other.extents[axis])
    }
    guard ranges.allSatisfy({ !$0.isEmpty }) else { return nil }
    return ElementBox(origin: ranges.map(\.lowerBound), extents: ranges.map(\.count))
  }

  /// The boxes that make up the elements `range`, counted in C order, of a tensor with `shape`:
  /// the end of one outermost slice, whole slices, the beginning of another, and so on inwards; at
  /// most two for each dimension, less one.
  static func covering(_ range: Range<Int>, of shape: [Int]) -> [ElementBox] {
    guard !range.isEmpty else { return [] }
    guard let outer = shape.first else { return [ElementBox(origin: [], extents: [])] }
    let rest = Array(shape.dropFirst())
    let slice = rest.reduce(1, *)
    let firstWhole = (range.lowerBound + slice - 1) / slice
    let endWhole = range.upperBound / slice
    guard firstWhole <= endWhole else {
      // The whole run lies within one slice.
      return inSlice(endWhole, range, slice, rest)
    }
    var boxes: [ElementBox] = []
    if range.lowerBound < firstWhole * slice {
      boxes += inSlice(firstWhole - 1, range.lowerBound..<firstWhole * slice, slice, rest)
    }
    if firstWhole < endWhole, endWhole <= outer {
      boxes.append(
        ElementBox(
          origin: [firstWhole] + rest.map { _ in 0 }, extents: [endWhole - firstWhole] + rest))
    }
    if endWhole * slice < range.upperBound {
      boxes += inSlice(endWhole, endWhole * slice..<range.upperBound, slice, rest)
    }
    return boxes
  }

  private static func inSlice(
    _ index: Int, _ range: Range<Int>, _ slice: Int, _ rest: [Int]
  ) -> [ElementBox] {
    let start = index * slice
    return covering(range.lowerBound - start..<range.upperBound - start, of: rest).map {
      ElementBox(origin: [index] + $0.origin, extents: [1] + $0.extents)
    }
  }
}
