import Bytes
import TestSupport
import Testing

@Suite("Strided copies")
struct StridedCopyTests {
  @Test("agree with one loop per element, for any permutation, flip and element size")
  func matchesNaive() throws {
    var random = SeededGenerator(1)
    for _ in 0..<300 {
      let rank = Int.random(in: 0...4, using: &random)
      let shape = (0..<rank).map { _ in Int.random(in: 1...40, using: &random) }
      guard shape.reduce(1, *) < 60_000 else { continue }
      let size = [1, 2, 4, 8, 16].randomElement(using: &random)!
      let order = Array(0..<rank).shuffled(using: &random)
      let target = order.map { shape[$0] }
      let strides = contiguousStrides(target)!
      var targetStrides = (0..<rank).map { axis in strides[order.firstIndex(of: axis)!] }
      var offset = 0
      for axis in 0..<rank where Bool.random(using: &random) {
        offset += (shape[axis] - 1) * targetStrides[axis]
        targetStrides[axis] *= -1
      }
      let count = shape.reduce(1, *)
      let source = (0..<count * size).map { _ in UInt8.random(in: 0...255, using: &random) }
      var result = [UInt8](repeating: 0, count: count * size)
      let copy = try #require(
        StridedCopy(
          shape: shape, sourceStrides: contiguousStrides(shape)!, targetStrides: targetStrides,
          targetOffset: offset))
      var span = result.mutableSpan
      #expect(copy(from: source.span, to: &span, elementSize: size))
      #expect(result == naive(source, shape, targetStrides, offset, size))
    }
  }

  private func naive(
    _ source: [UInt8], _ shape: [Int], _ strides: [Int], _ offset: Int, _ size: Int
  ) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: source.count)
    for element in 0..<shape.reduce(1, *) {
      var (rest, place) = (element, offset)
      for axis in shape.indices.reversed() {
        place += rest % shape[axis] * strides[axis]
        rest /= shape[axis]
      }
      for byte in 0..<size { result[place * size + byte] = source[element * size + byte] }
    }
    return result
  }

  @Test("refuse buffers that the strides leave")
  func bounds() throws {
    let copy = try #require(
      StridedCopy(shape: [2, 2], sourceStrides: [2, 1], targetStrides: [1, 3]))
    let source = [UInt8](repeating: 1, count: 4)
    var small = [UInt8](repeating: 0, count: 4)
    var span = small.mutableSpan
    #expect(!copy(from: source.span, to: &span, elementSize: 1))
    #expect(small == [0, 0, 0, 0])
    #expect(
      StridedCopy(shape: [Int.max, 2], sourceStrides: [Int.max, 1], targetStrides: [2, 1]) == nil)
  }

  @Test("do nothing where an extent is zero")
  func empty() throws {
    let copy = try #require(
      StridedCopy(shape: [0, Int.max], sourceStrides: [Int.max, 1], targetStrides: [1, 1]))
    var target: [UInt8] = []
    var span = target.mutableSpan
    #expect(copy(from: [UInt8]().span, to: &span, elementSize: 4))
  }
}
