import ReferenceLayers

/// A learnt projection of a fixed grid of coordinates, added to every pixel.
struct PositionEmbedding<Scalar: ModelScalar>: Sendable {
  /// (height·width, 2): y, then x.
  let grid: Tensor<Scalar>
  /// 2 → channels
  let projection: Dense<Scalar>

  /// (height·width, channels)
  func projected(_ trace: Trace<Scalar>?) -> Tensor<Scalar> {
    projection(grid, trace)
  }
}
