import CheckpointCore
import ReferenceLayers

/// A residual network with group norms (He et al., arXiv:1512.03385; Wu and He, arXiv:1803.08494):
/// a stem, then stages of basic blocks.
struct ResNet<Scalar: ModelScalar>: Sendable {
  /// A convolution with a norm behind it.
  struct Layer: Sendable {
    let convolution: Convolution<Scalar>
    let norm: GroupNorm<Scalar>

    /// (height, width, inputs) → (height, width, outputs), each extent divided by the stride.
    func callAsFunction(
      _ x: Tensor<Scalar>, _ workspace: Workspace<Scalar>, _ trace: Trace<Scalar>?
    ) -> Tensor<Scalar> {
      var y = convolution(x, workspace, trace)
      norm(&y, trace)
      return y
    }
  }

  /// relu(shortcut(x) + second(relu(first(x))))
  struct Block: Sendable {
    let first: Layer
    let second: Layer
    /// Nothing where the shortcut is the input itself.
    let shortcut: Layer?

    func callAsFunction(
      _ x: Tensor<Scalar>, _ workspace: Workspace<Scalar>, _ trace: Trace<Scalar>?
    ) -> Tensor<Scalar> {
      var y = first(x, workspace, trace)
      rectify(&y)
      y = second(y, workspace, trace)
      rectify(&y, adding: shortcut?(x, workspace, trace) ?? x)
      return y
    }
  }

  let stem: Layer
  let rectifiesStem: Bool
  let stages: [[Block]]

  /// (height, width, channels) → (feature height, feature width, E)
  func callAsFunction(
    _ frame: Tensor<Scalar>, _ intermediates: inout Intermediates<Scalar>,
    _ workspace: Workspace<Scalar>, _ trace: Trace<Scalar>?
  ) -> Tensor<Scalar> {
    var x = stem(frame, workspace, trace)
    if rectifiesStem { rectify(&x) }
    intermediates.keep(.encStem, x)
    for (index, blocks) in stages.enumerated() {
      for block in blocks { x = block(x, workspace, trace) }
      intermediates.keep(.encStage(index + 1), x)
    }
    return x
  }
}
