package import CheckpointCore

/// Flax's MultiHeadDotProductAttention (flax/linen/attention.py): query, key and value are
/// DenseGenerals with kernels (in, heads, width) and biases (heads, width); out is one with a kernel
/// (heads, width, out).
package struct FlaxSelfAttention<Scalar: ModelScalar>: SelfAttention {
  private let query, key, value, out: Dense<Scalar>
  private let heads: Int

  /// - Parameter perHead: the width of a head.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package init(
    _ read: ParameterReader, _ path: TensorName, width: Int, heads: Int, perHead: Int
  ) throws {
    func projection(_ name: String) throws -> Dense<Scalar> {
      Dense(
        "\(path)/\(name)", try read("\(path)/\(name)/kernel", [width, heads, perHead]),
        .inputsOutputs, inputs: width, outputs: heads * perHead,
        bias: try read("\(path)/\(name)/bias", [heads, perHead]))
    }
    query = try projection("query")
    key = try projection("key")
    value = try projection("value")
    out = Dense(
      "\(path)/out", try read("\(path)/out/kernel", [heads, perHead, width]), .inputsOutputs,
      inputs: heads * perHead, outputs: width, bias: try read("\(path)/out/bias", [width]))
    self.heads = heads
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func projections(
    _ x: Tensor<Scalar>
  ) -> [(q: Tensor<Scalar>, k: Tensor<Scalar>, v: Tensor<Scalar>)] {
    let (q, k, v) = (query(x), key(x), value(x))  // each (S, heads·width)
    let perHead = q.width / heads
    return (0..<heads).map { head in
      let columns = head * perHead..<(head + 1) * perHead
      return (q.columns(columns), k.columns(columns), v.columns(columns))
    }
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func merge(_ heads: [Tensor<Scalar>]) -> Tensor<Scalar> { out(.joined(heads)) }
}
