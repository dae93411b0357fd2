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
      try transform.scatter(source.span, from: 0, index: index, into: &span, elementSize: 1)
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

  /// The formulas of each layout, element by element, independent of strides.
  @Test("a transposed convolution flips both axes of the kernel")
  func flip() throws {
    let shape = try #require(Shape([1, 1, 2, 3]))
    let transform = try #require(Role.convTranspose2dKernel.transform(to: shape, heads: nil))
    var result = [UInt8](repeating: 0, count: 6)
    var span = result.mutableSpan
    try transform.scatter([1, 2, 3, 4, 5, 6].span, from: 0, index: 0, into: &span, elementSize: 1)
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
