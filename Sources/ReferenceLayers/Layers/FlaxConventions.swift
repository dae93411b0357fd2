/// Flax's own choices, where frameworks differ.
package enum FlaxConventions {
  /// flax/linen/normalization.py, `LayerNorm.epsilon`.
  package static let layerNormEpsilon = 1e-6
  /// flax/linen/normalization.py, `GroupNorm.epsilon`.
  package static let groupNormEpsilon = 1e-6

  /// Zeros before the first pixel of a SAME convolution along an axis of extent `n`
  /// (jax/_src/lax/lax.py, `padtype_to_pads`).
  package static func padding(n: Int, kernel: Int, stride: Int) -> Int {
    let outputs = (n + stride - 1) / stride
    return max(0, (outputs - 1) * stride + kernel - n) / 2
  }

  /// Pixels of the full transposed convolution before the output of a SAME one begins
  /// (jax/_src/lax/convolution.py, `_conv_transpose_padding`, which pads the dilated input).
  package static func crop(kernel: Int, stride: Int) -> Int {
    let before = stride > kernel - 1 ? kernel - 1 : (kernel + stride - 2 + 1) / 2
    return kernel - 1 - before
  }
}
