import CheckpointCore
import Testing

@testable import CheckpointMapping

@Suite("Layout transforms")
struct LayoutTests {
  /// A PyTorch shape that each role can have, all extents different.
  private func shape(_ role: Role) -> [Int] {
    switch role {
    case .conv2dKernel, .convTranspose2dKernel: [4, 3, 5, 2]
    case .denseKernel: [4, 3]
    case .attentionProjectionKernel: [2, 3, 5]
    case .attentionQKVKernel: [3 * 2 * 5, 7]
    case .attentionQKVBias: [3 * 2 * 5]
    case .attentionOutputKernel: [7, 2 * 5]
    case .gruInputKernel, .gruRecurrentKernel: [3 * 4, 5]
    case .gruInputBias, .gruRecurrentBias: [3 * 4]
    case .positionEmbedding, .copy: [1, 4, 3, 2]
    default: [6]
    }
  }

  @Test("place every element once, come back, and agree on shapes", arguments: Role.allCases)
  func roundTrip(_ role: Role) throws {
    let target = try #require(Shape(shape(role)))
    let heads = role.needsHeads ? 2 : nil
    let transform = try #require(role.transform(to: target, heads: heads))
    #expect(transform.placements.count == role.sourceCount)
    #expect(role.targetShape(from: transform.placements.map(\.shape)) == target)

    // Sources numbered 1, 2, 3, …: each number must land once, zeros only where declared.
    var result = [UInt8](repeating: 0, count: target.count)
    var next: UInt8 = 1
    var sources: [[UInt8]] = []
    for (index, placement) in transform.placements.enumerated() {
      let source = (0..<placement.shape.count).map { next &+ UInt8($0) }
      next = next &+ UInt8(placement.shape.count)
      sources.append(source)
      var span = result.mutableSpan
      try transform.scatter(
        source.span, elements: 0..<source.count, index: index, into: &span, elementSize: 1)
    }
    let zeros = Array(transform.zeros)
    #expect(result.enumerated().filter { $0.element == 0 }.map(\.offset) == zeros)
    #expect(Set(result.filter { $0 != 0 }).count == target.count - zeros.count)
    for (index, source) in sources.enumerated() {
      var back = [UInt8](repeating: 0, count: source.count)
      var span = back.mutableSpan
      try transform.gather(index: index, from: result.span, into: &span, elementSize: 1)
      #expect(back == source)
    }
  }

  @Test("runs of elements become the boxes that hold exactly them")
  func boxes() {
    for shape in [[], [5], [3, 4], [2, 3, 4], [2, 1, 3, 2], [1, 1, 1]] {
      let count = shape.reduce(1, *)
      let steps = shape.indices.map { shape[($0 + 1)...].reduce(1, *) }
      for lower in 0...count {
        for upper in lower...count {
          var elements: [Int] = []
          for box in ElementBox.covering(lower..<upper, of: shape) {
            var indices = [0]
            for (axis, extent) in box.extents.enumerated() {
              indices = indices.flatMap { base in
                (0..<extent).map { base + (box.origin[axis] + $0) * steps[axis] }
              }
            }
            elements += indices
          }
          #expect(elements.sorted() == Array(lower..<upper), "\(lower)..<\(upper) of \(shape)")
        }
      }
    }
  }

  @Test(
    "a tensor is the same however its sources are cut, in whatever order the pieces come",
    arguments: Role.allCases)
  func anyCut(_ role: Role) throws {
    var random = SystemRandomNumberGenerator()
    let target = try #require(Shape(shape(role)))
    let transform = try #require(role.transform(to: target, heads: role.needsHeads ? 2 : nil))
    func assemble(_ cut: (Int) -> [Range<Int>]) throws -> [UInt8] {
      var result = [UInt8](repeating: 255, count: target.count)
      var assembler = TensorAssembler(transform, elementSize: 1)
      assembler.begin(&result)
      for (index, placement) in transform.placements.enumerated() {
        let source = (0..<placement.shape.count).map { UInt8(($0 + 50 * index) % 250) }
        for run in cut(source.count) {
          try assembler.place(
            source.span.extracting(run), at: run.lowerBound, of: index, into: &result)
        }
      }
      try assembler.finish()
      return result
    }
    let whole = try assemble { [0..<$0] }
    for _ in 0..<20 {
      let cut = try assemble { count in
        let cuts = Set((0..<3).map { _ in Int.random(in: 0...count, using: &random) } + [0, count])
          .sorted()
        return zip(cuts, cuts.dropFirst()).map { $0..<$1 }.shuffled(using: &random)
      }
      #expect(cut == whole)
    }
    #expect(throws: CheckpointError.self) {
      try assemble { [0..<$0 / 2] }
    }
  }

  /// The formulas of each layout, element by element, independent of strides.
  @Test("a transposed convolution flips both axes of the kernel")
  func flip() throws {
    let shape = try #require(Shape([1, 1, 2, 3]))
    let transform = try #require(Role.convTranspose2dKernel.transform(to: shape, heads: nil))
    var result = [UInt8](repeating: 0, count: 6)
    var span = result.mutableSpan
    try transform.scatter(
      [1, 2, 3, 4, 5, 6].span, elements: 0..<6, index: 0, into: &span, elementSize: 1)
    #expect(result == [6, 5, 4, 3, 2, 1])
  }

  @Test("shapes that a role cannot have are refused")
  func refusals() throws {
    #expect(Role.denseKernel.transform(to: try #require(Shape([3])), heads: nil) == nil)
    #expect(Role.gruInputKernel.transform(to: try #require(Shape([4, 3])), heads: nil) == nil)
    #expect(Role.attentionQKVKernel.transform(to: try #require(Shape([12, 3])), heads: 5) == nil)
    #expect(Role.attentionQKVKernel.transform(to: try #require(Shape([12, 3])), heads: 0) == nil)
    #expect(Role.conv2dKernel.targetShape(from: [try #require(Shape([3, 3]))]) == nil)
  }
}
