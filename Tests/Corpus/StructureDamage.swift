extension Damage {
  /// Names, shapes, dtypes, second names.
  static let structure: [Damage] = [
    // A layer was renamed in the code, not in the file.
    Damage("renamed", "W001", convolution(2)) {
      $0[convolution(2)].name = "encoder.backbone.cnn_layers.conv2.weight"
    },
    Damage("missing", "W001", "predictor.w_o.bias") { $0.remove("predictor.w_o.bias") },
    Damage("missing_from_a_range", "W001", "encoder.backbone.cnn_layers.conv_3.bias") {
      $0.remove("encoder.backbone.cnn_layers.conv_3.bias")
    },
    // Saved from DataParallel: everything below 'module', and one name lost on the way.
    Damage("wrapped_module", "W001", "corrector.w_q", schema: CorpusSchema.builtIn) {
      $0.remove("corrector.w_q")
      for index in $0.tensors.indices {
        $0.tensors[index].name = "module." + $0.tensors[index].name
      }
    },
    Damage("below_a_key", "W041", schema: CorpusSchema.builtIn) {
      for index in $0.tensors.indices { $0.tensors[index].name = "model." + $0.tensors[index].name }
    },
    Damage("leftover", "W002", "optimizer.step") {
      $0.tensors.append(.init("optimizer.step", [1], [1]))
    },
    Damage("fewer_layers", "W003", "**.conv_{n}.bias", schema: CorpusSchema.dimensions) {
      $0.remove("encoder.backbone.cnn_layers.conv_0.bias")
    },
    Damage(
      "lost_alias", "W004", "processor.predictor.w_o.bias", schema: CorpusSchema.builtIn, status: 0
    ) {
      $0.metadata.removeAll { $0.key == "processor.predictor.w_o.bias" }
    },
    // A second name with elements of its own: loading gives whichever comes last.
    Damage("split_alias", "W005", "processor.corrector.w_q", schema: CorpusSchema.builtIn) {
      $0.metadata = []
      var second = $0["corrector.w_q"]
      second.name = "processor.corrector.w_q"
      second.values[0] += 1
      $0.tensors.append(second)
    },
    Damage("reshaped", "W010", convolution(0)) { $0[convolution(0)].shape = [32, 75] },
    Damage(
      "transposed_shape", "W010", "encoder.pos_emb.output_transform.model.dense_mlp_0.weight"
    ) {
      $0["encoder.pos_emb.output_transform.model.dense_mlp_0.weight"].shape = [32, 64]
    },
    // HWIO instead of OIHW, in one layer.
    Damage("kernel_as_flax_has_it", "W010", convolution(0), schema: CorpusSchema.builtIn) {
      $0[convolution(0)].shape = [5, 5, 3, 32]
    },
    // A layer for slots of another width than the rest of the model has.
    Damage(
      "wider_layer", "W011", "predictor.mlp.model.dense_mlp_0.weight",
      schema: CorpusSchema.dimensions
    ) {
      let name = "predictor.mlp.model.dense_mlp_0.weight"
      $0[name] = .init(name, [256, 130], (0..<256 * 130).map { 0.01 * Float($0 % 7) })
    },
    Damage("recast_to_half", "W012", "predictor.w_o.weight") {
      let half = $0["predictor.w_o.weight"].values.map { Float16($0).bitPattern }
      $0["predictor.w_o.weight"].dtype = "F16"
      $0["predictor.w_o.weight"].bytes = half.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    },
    Damage("recast_to_integers", "W012", "decoder.mask_pred.bias") {
      $0["decoder.mask_pred.bias"].dtype = "I32"
    },
    Damage("empty", "W051", schema: CorpusSchema.dimensions, status: 2) {
      $0.tensors = []
      $0.metadata = []
    },
  ]
}
