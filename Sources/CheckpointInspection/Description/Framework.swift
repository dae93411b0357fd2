import CheckpointCore

/// The framework whose parameters a checkpoint holds, by the format or by how it names tensors.
package enum Framework: String, Sendable {
  case torch = "PyTorch"
  case flax = "Flax"
  case keras = "Keras"

  /// - Returns: `nil` where neither tells.
  init?(_ format: FormatName, _ tensors: [TensorInfo]) {
    switch format {
    case .torch: self = .torch
    case .flax, .orbax: self = .flax
    default:
      guard let named = Self.byNames(tensors) else { return nil }
      self = named
    }
  }

  /// The last parts of names that only one framework gives, each counted.
  private static func byNames(_ tensors: [TensorInfo]) -> Framework? {
    var torch = 0
    var flax = 0
    var keras = 0
    for tensor in tensors {
      guard let last = tensor.name.components.last else { continue }
      if torchNames.contains(last) { torch += 1 }
      if flaxNames.contains(last) { flax += 1 }
      // TensorFlow's variables carry the number of their output.
      if last.utf8.suffix(2).elementsEqual(":0".utf8) || kerasNames.contains(last) { keras += 1 }
    }
    let most = max(torch, flax, keras)
    guard most > 0 else { return nil }
    return most == keras ? .keras : most == flax ? .flax : .torch
  }

  private static let torchNames: Set<TensorName> = [
    "weight", "running_mean", "running_var", "num_batches_tracked", "in_proj_weight", "weight_ih",
    "weight_hh",
  ]
  private static let flaxNames: Set<TensorName> = ["kernel", "scale", "embedding"]
  private static let kerasNames: Set<TensorName> = [
    "gamma", "beta", "moving_mean", "moving_variance",
  ]
}
