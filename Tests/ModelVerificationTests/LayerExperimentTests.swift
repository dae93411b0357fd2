import CheckpointCore
import Testing

@testable import ModelVerification
@testable import ReferenceLayers

@Suite("Experiments tell how a layer computes")
struct LayerExperimentTests {
  private func noise(_ shape: [Int], _ seed: Int) -> Tensor<Double> {
    var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1
    return Tensor(
      shape,
      (0..<shape.reduce(1, *)).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(Int64(bitPattern: state) >> 11) / Double(1 << 52)
      })
  }

  private func facts(
    _ name: String, _ framework: LayerFacts.Framework, _ attributes: [String: JSONValue],
    _ parameters: [String: [Int]]
  ) -> LayerFacts {
    LayerFacts(
      framework: framework, classNames: [name], attributes: attributes, parameters: parameters)
  }

  /// One side as `declared` says, whose output was made as `actual` computes.
  private func side(
    _ declared: LayerConfiguration, _ x: Tensor<Double>, actual: LayerConfiguration
  ) throws -> LayerSide {
    LayerSide(inputs: [x], output: try #require(actual.output([x])), declared: declared)
  }

  private func dense(_ kernel: Tensor<Double>) -> LayerConfiguration {
    LayerConfiguration(
      definition: DenseDefinition(),
      settings: [.precision: .name("float32"), .activation: .name("identity")],
      operands: [.kernel: kernel])
  }

  @Test("a square kernel that is transposed is a fault with this cause, and explains all of it")
  func transposed() throws {
    BLASReady.require()
    let (x, kernel) = (noise([6, 4], 1), noise([4, 4], 2))
    let (a, b) = (dense(kernel), dense(kernel.transposed))
    let judge = LayerJudge(
      source: try side(a, x, actual: a), converted: try side(b, x, actual: b), framework: .torch)
    guard case .differs(let causes, _) = judge.judge() else {
      Issue.record("not found")
      return
    }
    #expect(causes.map(\.id) == ["weight_transposed"])
    #expect((causes[0].explains ?? 0) > 0.9999)
  }

  @Test("a layer is judged from its own inputs: other inputs are no fault")
  func otherInputs() throws {
    BLASReady.require()
    let a = dense(noise([4, 3], 2))
    let judge = LayerJudge(
      source: try side(a, noise([6, 4], 1), actual: a),
      converted: try side(a, noise([6, 4], 3), actual: a), framework: .torch)
    guard case .same = judge.judge() else {
      Issue.record("a fault was found")
      return
    }
  }

  @Test("what a module does beside its attributes is found by trying")
  func undeclared() throws {
    BLASReady.require()
    let a = dense(noise([4, 3], 2))
    var activated = a
    activated.settings[.activation] = .name("silu")
    let found = try #require(
      LayerExperiment.reproduce(try side(a, noise([6, 4], 1), actual: activated)))
    #expect(found.configuration.settings.name(.activation) == "silu")
    #expect(found.residual < 1e-12)
  }

  @Test("an epsilon whose effect is less than rounding is no fault")
  func ineffective() throws {
    let x = noise([6, 8], 1).scaled(by: 1000)
    func norm(_ epsilon: Double) -> LayerConfiguration {
      LayerConfiguration(
        definition: LayerNormDefinition(),
        settings: [.epsilon: .number(epsilon), .variance: .name("biased"), .window: .number(8)],
        operands: [:])
    }
    let judge = LayerJudge(
      source: try side(norm(1e-6), x, actual: norm(1e-6)),
      converted: try side(norm(1e-5), x, actual: norm(1e-5)), framework: .torch)
    guard case .same(let ineffective) = judge.judge() else {
      Issue.record("a fault was found")
      return
    }
    #expect(ineffective.map(\.id) == ["layer_norm_epsilon"])
  }

  @Test("a convolution's SAME padding and PyTorch's, strided, differ by where the window begins")
  func padding() throws {
    BLASReady.require()
    let (x, kernel) = (noise([1, 8, 8, 2], 1), noise([3, 3, 2, 4], 2))
    let flax = facts(
      "Conv", .linen, ["strides": .ints([2, 2]), "padding": .string("SAME")],
      ["kernel": [3, 3, 2, 4]])
    let torch = facts(
      "Conv2d", .torch, ["stride": .ints([2, 2]), "padding": .ints([1, 1])],
      ["weight": [4, 2, 3, 3]])
    let definition = ConvolutionDefinition()
    func configuration(_ facts: LayerFacts) throws -> LayerConfiguration {
      let operands: Operands = [.kernel: kernel]
      return LayerConfiguration(
        definition: definition,
        settings: try #require(definition.settings(facts, operands, inputs: [x])),
        operands: operands)
    }
    let (a, b) = (try configuration(flax), try configuration(torch))
    #expect(a.settings.pairs(.padding) == [[0, 1], [0, 1]])
    let judge = LayerJudge(
      source: try side(a, x, actual: a), converted: try side(b, x, actual: b), framework: .torch)
    guard case .differs(let causes, _) = judge.judge() else {
      Issue.record("not found")
      return
    }
    #expect(causes.map(\.id) == ["padding"])
    #expect(causes[0].fix.contains("F.pad(x, (0, 1, 0, 1))"))
  }
}

/// Products need the library first.
enum BLASReady {
  static func require() { #expect(throws: Never.self) { try BLAS.require() } }
}
