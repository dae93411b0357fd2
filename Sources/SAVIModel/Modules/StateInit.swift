import ReferenceLayers

/// The first frame's boxes become the first slots; slot 0, the background, has a box of zeros.
struct StateInit<Scalar: ModelScalar>: Sendable {
  let mlp: MLP<Scalar>

  /// (objects, 4), each (ymin, xmin, ymax, xmax) → (1 + objects, slot)
  func callAsFunction(_ boxes: Tensor<Scalar>, _ trace: Trace<Scalar>?) -> Tensor<Scalar> {
    let background = [Scalar](repeating: 0, count: boxes.width)
    return mlp(Tensor([boxes.rows + 1, boxes.width], background + boxes.values), trace)
  }
}
