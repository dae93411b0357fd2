private let output = "predictor.w_o.weight"

extension Damage {
  /// Elements with other values.
  static let values: [Damage] = [
    Damage("nan", "W020", output) { $0[output].values[77] = .nan },
    Damage("infinite", "W021", output) { $0[output].values[78] = -.infinity },
    Damage("drifted_constant", "W022", "corrector.layernorm_input.weight") {
      $0["corrector.layernorm_input.weight"].values[3] = 1.01
    },
    Damage("shifted", "W023", output) { $0[output].values = $0[output].values.map { $0 + 0.05 } },
    Damage("exploded", "W024", output) { $0[output].values = $0[output].values.map { 3 * $0 } },
    Damage("outlier", "W025", output) { $0[output].values[5] = 2.5 },
    // A tenth of the units lost all their weights.
    Damage("dead_units", "W026", "predictor.mlp.model.dense_mlp_0.weight") {
      var values = $0["predictor.mlp.model.dense_mlp_0.weight"].values
      for row in stride(from: 0, to: 256, by: 10) {
        for column in 0..<128 { values[row * 128 + column] = 0 }
      }
      $0["predictor.mlp.model.dense_mlp_0.weight"].values = values
    },
    Damage("zeroed", "W027", output) { $0[output].values = $0[output].values.map { _ in 0 } },
    Damage("filled", "W028", "corrector.w_k") {
      $0["corrector.w_k"].values = $0["corrector.w_k"].values.map { _ in 0.02 }
    },
    Damage("one_bit", "W030", "corrector.w_v", schema: CorpusSchema.exact) {
      $0["corrector.w_v"].bytes[1000] ^= 1
    },
    Damage("copied_layer", "W031", convolution(2), status: 0) {
      $0[convolution(2)].bytes = $0[convolution(1)].bytes
    },
    Damage("untied", "W032", "corrector.layernorm_q.weight", schema: CorpusSchema.dimensions) {
      $0["corrector.layernorm_q.weight"].values[0] = 1.5
    },
  ]
}
