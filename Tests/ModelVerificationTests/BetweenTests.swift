import ReferenceLayers
import Testing

@testable import ModelVerification

@Suite("What lies between calls is found from earlier tensors")
struct BetweenTests {
  /// Numbers of which no two tensors have the same.
  private func numbers(_ shape: [Int], _ seed: Int) -> Tensor<Float> {
    Tensor(
      shape,
      (0..<shape.reduce(1, *)).map { Float((($0 + 1) * (7919 + 31 * seed)) % 1009) / 400 - 1.2 })
  }

  private func origin(_ title: String, _ source: Tensor<Float>, _ converted: Tensor<Float>? = nil)
    -> Origin
  {
    Origin(title, source.shape, .activation) { $0 == .source ? source : converted ?? source }
  }

  private func cause(
    _ origins: [Origin], _ parameters: [FreeParameter] = [], source: Tensor<Float>,
    converted: Tensor<Float>
  ) -> String {
    let provenance = Provenance(origins, parameters, origin("target", source, converted))
    return switch BetweenJudge(provenance: provenance, framework: .torch).judge() {
    case .inherited: "inherited"
    case .differs(let cause): cause.id
    case .unknown: "unknown"
    }
  }

  @Test("a factor of a branch, where the other lacks it")
  func branchScale() {
    let (x, y) = (numbers([2, 3, 4], 1), numbers([2, 3, 4], 2))
    #expect(
      cause([origin("x", x), origin("y", y)], source: x + y.scaled(by: 0.5), converted: x + y)
        == "scale")
  }

  @Test("a residual behind a mean over the pixels")
  func residualOfMeans() {
    let (x, y) = (numbers([2, 3, 3, 4], 1), numbers([2, 3, 3, 4], 2))
    let mean = Reduction.linear[2]
    #expect(
      cause(
        [origin("x", x), origin("y", y)], source: (x + y).reduced(mean, axis: 1, width: 2),
        converted: y.reduced(mean, axis: 1, width: 2)) == "residual_missing")
  }

  @Test("positions that are added, a row further in the other")
  func shiftedPositions() {
    let (x, table) = (numbers([2, 3, 4], 1), numbers([5, 4], 2))
    func sum(from row: Int) -> Tensor<Float> {
      x + table.window(axis: 0, row..<row + 3).reshaped([1, 3, 4]).spread(over: [2, 3, 4])
    }
    let positions = FreeParameter(
      title: "positions", source: table, converted: table, isEmbedding: false)
    #expect(
      cause([origin("x", x)], [positions], source: sum(from: 0), converted: sum(from: 1))
        == "rows_shifted")
  }

  @Test("limits, and a constant, that the other lacks")
  func limitsAndConstants() {
    let x = numbers([2, 3, 8], 1)
    let cut = Tensor(x.shape, x.values.map { min(max($0, -0.5), 0.5) })
    let moved = Tensor(x.shape, x.values.map { $0 - 0.25 })
    #expect(cause([origin("x", x)], source: cut, converted: x) == "limits")
    #expect(cause([origin("x", x)], source: moved, converted: x) == "constant")
  }

  @Test("halves of a gate in the other order")
  func halves() {
    let x = numbers([2, 3, 8], 1)
    let (a, b) = (x.window(axis: 2, 0..<4), x.window(axis: 2, 4..<8))
    func gated(_ a: Tensor<Float>, _ b: Tensor<Float>) -> Tensor<Float>? {
      Activation.named("sigmoid").flatMap { a.combined(b.mapped($0.value), *) }
    }
    guard let source = gated(a, b), let converted = gated(b, a) else {
      Issue.record("no gate")
      return
    }
    #expect(cause([origin("x", x)], source: source, converted: converted) == "parts_exchanged")
  }

  @Test("a residual whose parts differ from before is no fault")
  func inherited() {
    let (x, y, other) = (numbers([2, 3, 4], 1), numbers([2, 3, 4], 2), numbers([2, 3, 4], 3))
    #expect(
      cause([origin("x", x, other), origin("y", y)], source: x + y, converted: other + y)
        == "inherited")
  }
}
