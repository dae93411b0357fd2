import CheckpointCore
import ReferenceLayers

/// The port's attention: one Linear whose rows are, head after head, the query, key and value of
/// that head; the heads' results side by side go through another.
struct TorchSelfAttention<Scalar: ModelScalar>: SelfAttention {
  private let packed: Dense<Scalar>
  private let out: Dense<Scalar>
  private let heads: Int

  /// - Parameter perHead: the width of a head.
  init(
    _ read: ParameterReader, _ path: TensorName, width: Int, heads: Int, perHead: Int
  ) throws {
    let joined = heads * perHead
    packed = Dense(
      "\(path).w_qkv", try read("\(path).w_qkv.weight", [3 * joined, width]), .outputsInputs,
      inputs: width, outputs: 3 * joined, bias: try read("\(path).w_qkv.bias", [3 * joined]))
    out = Dense(
      "\(path).w_o", try read("\(path).w_o.weight", [width, joined]), .outputsInputs,
      inputs: joined, outputs: width, bias: try read("\(path).w_o.bias", [width]))
    self.heads = heads
  }

  func projections(
    _ x: Tensor<Scalar>
  ) -> [(q: Tensor<Scalar>, k: Tensor<Scalar>, v: Tensor<Scalar>)] {
    let qkv = packed(x)  // (S, heads·3·width)
    let perHead = qkv.width / (3 * heads)
    return (0..<heads).map { head in
      func part(_ index: Int) -> Tensor<Scalar> {
        let start = (3 * head + index) * perHead
        return qkv.columns(start..<start + perHead)
      }
      return (part(0), part(1), part(2))
    }
  }

  func merge(_ heads: [Tensor<Scalar>]) -> Tensor<Scalar> { out(.joined(heads)) }
}
