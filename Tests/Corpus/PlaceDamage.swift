extension Damage {
  /// The right elements in the wrong places.
  static let places: [Damage] = [
    Damage("transposed_square", "W040", "predictor.w_o.weight", status: 0) {
      $0["predictor.w_o.weight"].rearrange { [$0[1], $0[0]] }
    },
    Damage("flipped_kernel", "W040", "decoder.backbone.cnn_layers.conv_3.weight", status: 0) {
      $0["decoder.backbone.cnn_layers.conv_3.weight"].rearrange {
        [$0[0], $0[1], 4 - $0[2], 4 - $0[3]]
      }
    },
    Damage("transposed_kernel", "W040", convolution(1), status: 0) {
      $0[convolution(1)].rearrange { [$0[1], $0[0], $0[2], $0[3]] }
    },
    // Each gate's matrix transposed: only the source tells.
    Damage(
      "transposed_gates", "W040", "corrector.gru.weight_hh", schema: CorpusSchema.builtIn,
      status: 0, againstSource: true
    ) {
      $0["corrector.gru.weight_hh"].rearrange { [$0[0] / 128 * 128 + $0[1], $0[0] % 128] }
    },
    Damage(
      "exchanged_layers", "W042", convolution(1), schema: CorpusSchema.builtIn, status: 0,
      againstSource: true
    ) {
      exchange(&$0, convolution(1), convolution(3))
    },
    Damage("exchanged_content", "W042", convolution(2), schema: CorpusSchema.exact) {
      exchange(&$0, convolution(1), convolution(2))
    },
  ]

  private static func exchange(_ checkpoint: inout SafetensorsFile, _ a: String, _ b: String) {
    let bytes = checkpoint[a].bytes
    checkpoint[a].bytes = checkpoint[b].bytes
    checkpoint[b].bytes = bytes
  }
}
