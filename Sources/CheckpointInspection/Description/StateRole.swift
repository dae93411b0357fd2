package import CheckpointCore

/// What a tensor is for, as far as its name tells: a checkpoint of a training run holds more than
/// the model.
package enum StateRole: String, Sendable, CaseIterable {
  case parameters
  /// Moving averages of the parameters, kept beside them.
  case average
  /// What the optimizer remembers: moments, momenta, its count of steps.
  case optimizer
  /// Anything else that a run needs to go on: schedules, random states, counters.
  case training
  /// Low-rank additions to layers (LoRA and its relatives, as PEFT names them).
  case adapter

  /// A component of a path that tells the role of everything below it. The names are those that
  /// PyTorch, Lightning, Accelerate, Flax, optax, timm, diffusers and PEFT use.
  private static let components: [TensorName: StateRole] = {
    let names: [(StateRole, [String])] = [
      (
        .average,
        ["ema", "ema_params", "ema_model", "model_ema", "state_dict_ema", "shadow_params"]
      ),
      (
        .optimizer,
        [
          "optimizer", "optimizers", "optim", "optimizer_state_dict", "optimizer_states",
          "optimizer_state", "opt_state", "opt", "exp_avg", "exp_avg_sq", "max_exp_avg_sq",
          "momentum_buffer", "param_states",
        ]
      ),
      (
        .training,
        [
          "lr_scheduler", "lr_schedulers", "scheduler", "rng", "rng_state", "rng_states",
          "random_states", "scaler", "grad_scaler", "step", "global_step", "epoch", "loops",
          "callbacks",
        ]
      ),
      (
        .adapter,
        [
          "lora_A", "lora_B", "lora_a", "lora_b", "lora_embedding_A", "lora_embedding_B", "lora_up",
          "lora_down", "lora_magnitude_vector", "lora",
        ]
      ),
    ]
    return Dictionary(
      names.flatMap { role, names in names.map { (TensorName($0), role) } },
      uniquingKeysWith: { first, _ in first })
  }()

  /// The components under which a Flax train state keeps its parameters within the optimizer:
  /// `optimizer/target` is the model (flax.optim).
  private static let parametersInOptimizer: Set<TensorName> = ["target"]

  package init(of name: TensorName) {
    let parts = name.components
    guard let place = parts.firstIndex(where: { Self.components[$0] != nil }) else {
      self = .parameters
      return
    }
    let next = parts.index(after: place)
    let isTarget = next < parts.count && Self.parametersInOptimizer.contains(parts[next])
    self = isTarget ? .parameters : Self.components[parts[place]] ?? .parameters
  }

  /// What the role is called in a listing.
  var title: String {
    switch self {
    case .parameters: "parameters"
    case .average: "averages"
    case .optimizer: "optimizer"
    case .training: "run state"
    case .adapter: "LoRA"
    }
  }

  /// What the tensors are called in a sentence, `12 LoRA tensors`; empty for the model's own.
  var adjective: String {
    switch self {
    case .parameters: ""
    case .average: "averaged "
    case .optimizer: "optimizer "
    case .training: "training-state "
    case .adapter: "LoRA "
    }
  }
}
