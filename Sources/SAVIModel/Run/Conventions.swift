/// What a PyTorch port of SAVi is known to compute differently from the Flax model with the same
/// weights: three choices that no shape check sees.
public enum Convention: String, Sendable, CaseIterable {
  /// The epsilon of the layer norms: 1e-6 in Flax (flax/linen/normalization.py), 1e-5 by default
  /// in PyTorch (torch/nn/modules/normalization.py).
  case layerNormEpsilon = "layer_norm_epsilon"
  /// Where the output of a SAME transposed convolution begins: Flax (jax.lax.conv_transpose) pads
  /// the dilated input by ceil((k + s - 2) / 2) before it, PyTorch's `padding` p crops p pixels.
  case transposedConvolutionPadding = "transposed_convolution_padding"
  /// SAME padding of a strided convolution: Flax (jax.lax, "SAME") pads the smaller half before,
  /// PyTorch's `padding` pads both sides alike.
  case stridedConvolutionPadding = "strided_convolution_padding"
}

/// How a PyTorch state dict is computed with.
public struct Conventions: Sendable, Equatable {
  /// The conventions that are Flax's instead of the port's.
  public var flax: Set<Convention>

  public init(flax: Set<Convention>) { self.flax = flax }

  /// The module as the module tree prints it.
  public static let port = Conventions(flax: [])
  /// The module with all fixes: what the Flax model computes.
  public static let flax = Conventions(flax: Set(Convention.allCases))

  /// The module with all fixes but one.
  static func all(but convention: Convention) -> Conventions {
    Conventions(flax: flax.flax.subtracting([convention]))
  }
}
