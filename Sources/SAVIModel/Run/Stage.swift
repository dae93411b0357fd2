import ReferenceLayers

/// The named intermediates of the forward pass, in the order in which they are computed.
/// B clips of T frames, S slots, C channels.
public enum StageName: String, Sendable, CaseIterable {
  /// The convolutional features: (B, T, height, width, E).
  case encCNN = "enc_cnn"
  /// The encoder's output: (B, T, height, width, E).
  case encPos = "enc_pos"
  /// The first slots: (B, S, slot).
  case initSlots = "init_slots"
  /// Slot attention before it is normalised over the pixels: (B, T, 1, S, K).
  case attn
  /// The slots after the corrector: (B, T, S, slot).
  case corrected
  /// The slots after the predictor: (B, T, S, slot).
  case predicted
  /// The mask logits: (B, T, S, height, width, 1).
  case alphaLogits = "alpha_logits"
  /// The masks, summing to 1 over the slots: (B, T, S, height, width, 1).
  case alphas
  /// The decoded frame: (B, T, height, width, C).
  case flow
  /// The slot with the largest logit, int32: (B, T, height, width, 1).
  case segmentations

  /// Whether it takes the decoder, which does most of the work.
  var isDecoded: Bool {
    switch self {
    case .alphaLogits, .alphas, .flow, .segmentations: true
    default: false
    }
  }
}

/// One intermediate of a run, or of a recording of one.
public struct Stage: Sendable {
  public enum Elements: Sendable {
    case float32([Float])
    case float64([Double])
    case int32([Int32])

    /// The numbers of a pass, in the precision in which it ran.
    init<Scalar: ModelScalar>(_ values: [Scalar]) {
      self = (values as? [Float]).map(Elements.float32) ?? .float64(values.map { Double($0) })
    }
  }

  public let name: StageName
  public let shape: [Int]
  public let elements: Elements

  public init(name: StageName, shape: [Int], elements: Elements) {
    self.name = name
    self.shape = shape
    self.elements = elements
  }

  public var doubles: [Double] {
    switch elements {
    case .float32(let values): values.map(Double.init)
    case .float64(let values): values
    case .int32(let values): values.map(Double.init)
    }
  }
}
