#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A function of one number, as frameworks name it.
package struct Activation: Sendable {
  package let name: String
  package let value: @Sendable (Double) -> Double

  /// The negative slopes of a leaky ReLU in use: PyTorch's and Flax's 0.01, Keras 2's 0.3, 0.2 of
  /// many GANs, 0.1 of Darknet.
  package static let slopes = [0.01, 0.2, 0.3, 0.1]

  /// Hendrycks and Gimpel, arXiv:1606.08415: x·Φ(x), and its two approximations.
  package static let all: [Activation] =
    [
      Activation(name: "identity") { $0 },
      Activation(name: "relu") { max($0, 0) },
      Activation(name: "gelu") { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) },
      Activation(name: "gelu_tanh") {
        0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
      },
      Activation(name: "quick_gelu") { $0 / (1 + exp(-1.702 * $0)) },
      Activation(name: "silu") { $0 / (1 + exp(-$0)) },
      Activation(name: "tanh") { tanh($0) },
      Activation(name: "sigmoid") { 1 / (1 + exp(-$0)) },
      Activation(name: "relu6") { min(max($0, 0), 6) },
      Activation(name: "elu") { $0 > 0 ? $0 : expm1($0) },
      Activation(name: "selu") {
        1.0507009873554805 * ($0 > 0 ? $0 : 1.6732632423543772 * expm1($0))
      },
      Activation(name: "softplus") { max($0, 0) + log1p(exp(-$0.magnitude)) },
      Activation(name: "mish") { $0 * tanh(max($0, 0) + log1p(exp(-$0.magnitude))) },
      Activation(name: "hard_swish") { $0 * min(max($0 + 3, 0), 6) / 6 },
      Activation(name: "hard_sigmoid") { min(max($0 + 3, 0), 6) / 6 },
      Activation(name: "softsign") { $0 / (1 + $0.magnitude) },
      Activation(name: "squared_relu") { max($0, 0) * max($0, 0) },
    ] + slopes.map(leaky)

  package static func leaky(_ slope: Double) -> Activation {
    Activation(name: "leaky_relu(\(slope))") { $0 >= 0 ? $0 : slope * $0 }
  }

  package static func named(_ name: String) -> Activation? {
    if let known = all.first(where: { $0.name == name }) { return known }
    let start = "leaky_relu("
    guard name.hasPrefix(start), name.hasSuffix(")") else { return nil }
    return Double(name.dropFirst(start.count).dropLast()).map(leaky)
  }

  /// The id of the cause that one stands in the other's place.
  package static func causeID(_ a: String, _ b: String) -> String {
    let gelus: Set = ["gelu", "gelu_tanh", "quick_gelu"]
    if gelus.contains(a), gelus.contains(b) { return "gelu_approximation" }
    if a.hasPrefix("leaky_relu"), b.hasPrefix("leaky_relu") { return "leaky_slope" }
    return "activation"
  }
}
