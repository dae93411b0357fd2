import ReferenceLayers
import Testing

@testable import ModelVerification

@Suite("Layouts are found from shapes and values")
struct AlignmentTests {
  private func numbers(_ shape: [Int]) -> Tensor<Float> {
    Tensor(shape, (0..<shape.reduce(1, *)).map { Float(($0 * 7919) % 101) - 50 })
  }

  @Test(
    "axes exchanged, merged and split",
    arguments: [
      // The source's shape, the axes in the converted model's order, and its shape.
      ([2, 4, 4, 3], [0, 3, 1, 2], [2, 3, 4, 4]),
      ([2, 16, 3], [0, 2, 1], [2, 3, 16]),
      ([2, 5, 2, 4], [0, 2, 1, 3], [2, 2, 5, 4]),
      ([2, 5, 2, 4], [0, 1, 2, 3], [2, 5, 8]),
      ([6, 2, 8], [1, 0, 2], [2, 6, 8]),
    ])
  func found(_ source: [Int], _ order: [Int], _ shape: [Int]) throws {
    let x = numbers(source)
    let y = x.permuted(order).reshaped(shape)
    var aligner = Aligner()
    let found = aligner.align(y, to: x, keepsLast: false)
    let aligned = try #require(found)
    #expect(aligned.difference.maximum == 0)
    #expect(aligned.tensor.shape == source)
  }

  @Test("interleaved heads of a layer of features are no layout")
  func interleavedHeads() throws {
    let x = numbers([2, 5, 2, 4])
    let y = x.permuted([0, 1, 3, 2]).reshaped([2, 5, 8])
    var aligner = Aligner()
    let found = aligner.align(y, to: x, keepsLast: true)
    let aligned = try #require(found)
    #expect(aligned.difference.relative > 0.1)
  }

  @Test("tensors of other counts have no layout")
  func otherCount() {
    var aligner = Aligner()
    let found = aligner.align(numbers([2, 3]), to: numbers([2, 4]), keepsLast: false)
    #expect(found == nil)
  }
}

@Suite("Sequences are paired without crossing")
struct SequenceAlignmentTests {
  @Test("what one side has more is left out")
  func gaps() {
    let (a, b) = (Array("abcde"), Array("axbce"))
    let pairs = SequenceAlignment.align(a.count, b.count) { a[$0] == b[$1] ? 1 : nil }
    #expect(pairs.map { String(a[$0.0]) }.joined() == "abce")
    #expect(pairs.allSatisfy { a[$0.0] == b[$0.1] })
  }
}
