import CheckpointCore
import Testing

@testable import ModelVerification

@Suite("Tensors of two calls are paired")
struct TensorPairsTests {
  private func tensor(_ name: String, _ shape: [Int]) throws -> RecordedTensor {
    let shape = try #require(Shape(shape))
    return RecordedTensor(
      name: name, tensor: TensorInfo(name: TensorName(name), dtype: .float32, shape: shape),
      fullShape: shape.dimensions)
  }

  @Test("a Flax cell's carry with PyTorch's hx, which comes last, where both are of one shape")
  func states() throws {
    let flax = [try tensor("carry", [2, 8]), try tensor("inputs", [2, 8])]
    let torch = [try tensor("input", [2, 8]), try tensor("hx", [2, 8])]
    let pairs = TensorPairs.pair(flax, torch).map { [$0.0.name, $0.1?.name] }
    #expect(pairs == [["carry", "hx"], ["inputs", "input"]])
  }
}
