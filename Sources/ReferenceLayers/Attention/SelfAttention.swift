/// Where the two frameworks differ: how the projections of the heads are packed.
package protocol SelfAttention<Scalar>: Sendable {
  associatedtype Scalar: ModelScalar

  /// (S, width) → queries, keys and values of every head, each (S, width of a head).
  func projections(_ x: Tensor<Scalar>) -> [(
    q: Tensor<Scalar>, k: Tensor<Scalar>, v: Tensor<Scalar>
  )]

  /// The heads' results, each (S, width of a head) → (S, width)
  func merge(_ heads: [Tensor<Scalar>]) -> Tensor<Scalar>
}
