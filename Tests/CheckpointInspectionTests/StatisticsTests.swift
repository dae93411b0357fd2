import CheckpointCore
import CheckpointInspection
import Foundation
import TestSupport
import Testing

@Suite("Statistics")
struct StatisticsTests {
  private func figures(_ values: [Float], chunk: Int = 1 << 20) throws -> Statistics {
    let tensor = TensorInfo(
      name: "x", dtype: .float32, shape: try #require(Shape([values.count])))
    let bytes = values.withUnsafeBytes { Array($0) }
    let rows = try statistics(of: [tensor], threads: 1) { _, body in
      for start in stride(from: 0, to: bytes.count, by: chunk) {
        try body(start / 4, Array(bytes[start..<min(start + chunk, bytes.count)]).span)
      }
    }
    return rows[0].statistics
  }

  @Test("are the same whatever the chunks, and keep a small deviation beside a large mean")
  func chunks() throws {
    let values = (0..<10_000).map { 1e6 + Float($0 % 7) }
    let whole = try figures(values)
    let parts = try figures(values, chunk: 4 * 37)
    let exact = values.map(Double.init)
    let mean = exact.reduce(0, +) / 10_000
    let deviation = (exact.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 9_999).squareRoot()
    for found in [whole, parts] {
      #expect(abs(found.mean - mean) < 1e-6)
      #expect(abs(found.standardDeviation - deviation) < 1e-9)
      #expect(found.minimum == 1e6)
      #expect(found.maximum == 1_000_006)
    }
  }

  @Test("count what is not finite and look past it for the extremes")
  func specials() throws {
    let found = try figures([.nan, -1, .infinity, 0, -0.0, 3, -.infinity, .nan], chunk: 12)
    #expect(found.nanCount == 2)
    #expect(found.infinityCount == 2)
    #expect(found.zeroCount == 2)
    #expect(found.minimum == -.infinity)
    #expect(found.maximum == .infinity)
    #expect(found.mean.isNaN)
  }

  @Test("a single element has no deviation, none has no mean")
  func degenerate() throws {
    #expect(try figures([5]).standardDeviation.isNaN)
    #expect(try figures([5]).populationDeviation == 0)
    #expect(try figures([]).mean.isNaN)
    #expect(try figures([.nan]).minimum.isNaN)
  }

  /// Sums of float32 values in the order of PyTorch's CUDA kernel. The expectations were computed
  /// by hand from that order: 2^24 swallows a 1 added to it alone, not a 2.
  @Test("the published mean adds in the order of PyTorch's CUDA reduction")
  func cudaOrder() throws {
    // Four elements, four threads, two steps of the tree: (a + b) + (c + d).
    #expect(try figures([16_777_216, 1, 1, 1]).publishedMean == Double(Float(16_777_218) / 4))
    // In plain order each 1 would be lost.
    #expect(try figures([1, 1, 16_777_216, 0]).publishedMean == Double(Float(16_777_218) / 4))
    #expect(try figures([Float](repeating: 0.1, count: 524_288)).publishedMean == nil)
  }

  @Test("decode every dtype to the numbers NumPy and PyTorch stored")
  func dtypes() throws {
    for dtype in DType.allCases {
      let bytes = rampBytes(dtype, count: 6)
      guard !bytes.isEmpty else { continue }
      let tensor = TensorInfo(name: "x", dtype: dtype, shape: try #require(Shape([6])))
      let row = try statistics(of: [tensor], threads: 1) { _, body in try body(0, bytes.span) }[0]
      let components = dtype.isComplex ? 12.0 : 6.0
      #expect(row.statistics.mean == (dtype == .bool ? 0.5 : 15 / components), "\(dtype)")
      #expect(row.statistics.maximum == (dtype == .bool ? 1 : 5), "\(dtype)")
    }
  }

  @Test("the root hash covers names, dtypes, shapes and elements, and no storage")
  func hash() throws {
    func root(_ name: TensorName, _ dims: [Int], _ bytes: [UInt8]) throws -> String {
      let tensor = TensorInfo(name: name, dtype: .uint8, shape: try #require(Shape(dims)))
      return try CheckpointHash([tensor], threads: 1) { _, body in try body(0, bytes.span) }.root
    }
    let first = try root("a", [2, 3], [0, 1, 2, 3, 4, 5])
    #expect(try root("a", [2, 3], [0, 1, 2, 3, 4, 5]) == first)
    #expect(try root("b", [2, 3], [0, 1, 2, 3, 4, 5]) != first)
    #expect(try root("a", [3, 2], [0, 1, 2, 3, 4, 5]) != first)
    #expect(try root("a", [2, 3], [0, 1, 2, 3, 4, 6]) != first)
  }
}
