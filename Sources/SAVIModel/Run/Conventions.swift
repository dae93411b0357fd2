/// What a PyTorch module of SAVi may compute differently from the Flax model with the same weights:
/// choices that no shape check sees. Each is Flax's or another one: the module tree's where the tree
/// shows it, else the one that is mistaken for Flax's.
package enum Convention: String, Sendable, CaseIterable {
  /// The epsilon of the group norms: 1e-6 in Flax (flax/linen/normalization.py), 1e-5 by default in
  /// PyTorch (torch/nn/modules/normalization.py).
  case groupNormEpsilon = "group_norm_epsilon"
  /// What follows the norm of a residual encoder's stem: nothing in Flax, a ReLU in torchvision's
  /// ResNet (torchvision/models/resnet.py).
  case stemActivation = "stem_activation"
  /// The epsilon of the layer norms: 1e-6 in Flax (flax/linen/normalization.py), 1e-5 by default
  /// in PyTorch (torch/nn/modules/normalization.py).
  case layerNormEpsilon = "layer_norm_epsilon"
  /// Where the output of a SAME transposed convolution begins: Flax (jax.lax.conv_transpose) pads
  /// the dilated input by ceil((k + s - 2) / 2) before it, PyTorch's `padding` p crops p pixels.
  case transposedConvolutionPadding = "transposed_convolution_padding"
  /// SAME padding of a strided convolution: Flax (jax.lax, "SAME") pads the smaller half before,
  /// PyTorch's `padding` pads both sides alike.
  case stridedConvolutionPadding = "strided_convolution_padding"
  /// The channels of a group norm's group: neighbours, or every `groups`-th.
  case groupAssignment = "group_assignment"
  /// The ReLU between the dense layer of the encoder's transformer and its blocks: there, or absent.
  case encoderActivation = "encoder_activation"
  /// Where the norms of the encoder's blocks stand: in front of the layers, or behind the residuals.
  case encoderNormOrder = "encoder_norm_order"
  /// In which order a frame's pixels become the corrector's inputs: rows first, or columns first.
  case flatteningOrder = "flattening_order"
  /// What the scores of slot attention are divided by: the root of the width of queries and keys, or
  /// of the slots'.
  case slotAttentionScale = "slot_attention_scale"
  /// What the scores of self-attention are divided by: the root of the width of one head, or of all.
  case attentionScale = "attention_scale"
  /// Where the norms of the predictor stand: behind the residuals, or in front of the layers.
  case predictorNormOrder = "predictor_norm_order"

  /// Those that a module tree shows.
  static let ofModuleTree: Set<Convention> = [
    .groupNormEpsilon, .stemActivation, .layerNormEpsilon, .transposedConvolutionPadding,
    .stridedConvolutionPadding,
  ]
}

/// How a PyTorch state dict is computed with.
package struct Conventions: Sendable, Equatable {
  /// The conventions that are Flax's.
  package var flax: Set<Convention>

  package init(flax: Set<Convention>) { self.flax = flax }

  /// The module as the module tree prints it.
  package static let port = Conventions(
    flax: Set(Convention.allCases).subtracting(Convention.ofModuleTree))
  package static let flax = Conventions(flax: Set(Convention.allCases))

  /// The module with all fixes but one.
  static func all(but convention: Convention) -> Conventions {
    Conventions(flax: flax.flax.subtracting([convention]))
  }

  func usesFlax(_ convention: Convention) -> Bool { flax.contains(convention) }
}
