import ReferenceLayers

/// The named intermediates of the forward pass, in the order in which they are computed.
/// B clips of T frames, S slots, C channels.
package struct StageName: Sendable, Hashable {
  fileprivate enum Kind: String, CaseIterable {
    case encStem = "enc_stem"
    case encStage = "enc_stage"
    case encCNN = "enc_cnn"
    case encPos = "enc_pos"
    case encDense = "enc_dense"
    case encBlock = "enc_block"
    case encoded
    case initSlots = "init_slots"
    case attn, corrected, predicted
    case alphaLogits = "alpha_logits"
    case alphas
    case flowSlots = "flow_slots"
    case flowMasked = "flow_masked"
    case decFused = "dec_fused"
    case depth, flow, segmentations

    /// Whether there are several, told apart by a number.
    var isNumbered: Bool { self == .encStage || self == .encBlock }
  }

  private let kind: Kind
  private let number: Int?

  private init(_ kind: Kind, _ number: Int? = nil) {
    self.kind = kind
    self.number = number
  }

  /// A residual encoder's features behind the stem: (B, T, height, width, channels).
  package static let encStem = StageName(.encStem)
  /// Behind its stage of that number, from 1: (B, T, height, width, channels).
  package static func encStage(_ number: Int) -> StageName { StageName(.encStage, number) }
  /// The convolutional features: (B, T, height, width, E).
  package static let encCNN = StageName(.encCNN)
  /// The features with their positions: (B, T, height, width, E).
  package static let encPos = StageName(.encPos)
  /// What the encoder's transformer begins with, before its ReLU: (B, T, K, width).
  package static let encDense = StageName(.encDense)
  /// Behind its block of that number, from 0: (B, T, K, width).
  package static func encBlock(_ number: Int) -> StageName { StageName(.encBlock, number) }
  /// What the corrector sees: (B, T, K, width).
  package static let encoded = StageName(.encoded)
  /// The first slots: (B, S, slot).
  package static let initSlots = StageName(.initSlots)
  /// Slot attention before it is normalised over the pixels: (B, T, 1, S, K).
  package static let attn = StageName(.attn)
  /// The slots after the corrector: (B, T, S, slot).
  package static let corrected = StageName(.corrected)
  /// The slots after the predictor: (B, T, S, slot).
  package static let predicted = StageName(.predicted)
  /// The mask logits: (B, T, S, height, width, 1).
  package static let alphaLogits = StageName(.alphaLogits)
  /// The masks, summing to 1 over the slots: (B, T, S, height, width, 1).
  package static let alphas = StageName(.alphas)
  /// What each slot alone reads out: (B, T, S, height, width, C). Where the slots are mixed before
  /// the readouts there is no such thing: the Flax model then has its flow under this name.
  package static let flowSlots = StageName(.flowSlots)
  /// The same times the masks: (B, T, S, height, width, C).
  package static let flowMasked = StageName(.flowMasked)
  /// The slots' features, mixed by the masks: (B, T, height, width, D).
  package static let decFused = StageName(.decFused)
  /// The decoded depth, log(1 + distance): (B, T, height, width, 1).
  package static let depth = StageName(.depth)
  /// The decoded frame: (B, T, height, width, C).
  package static let flow = StageName(.flow)
  /// The slot with the largest logit, int32: (B, T, height, width, 1).
  package static let segmentations = StageName(.segmentations)

  /// What a model may read out.
  static let targets: Set<StageName> = [.depth, .flow]

  /// Whether it takes the decoder, which does most of the work.
  var isDecoded: Bool { self >= .alphaLogits }

  /// The names without a number.
  package static let fixedNames = Kind.allCases.filter { !$0.isNumbered }.map(\.rawValue)

  /// All names, for a reader.
  package static let listing = Kind.allCases.map {
    $0.isNumbered ? "\($0.rawValue){n}" : $0.rawValue
  }.joined(separator: ", ")
}

extension StageName: RawRepresentable {
  /// The name of an array in a file: `enc_stage2`.
  package var rawValue: String { kind.rawValue + (number.map(String.init) ?? "") }

  package init?(rawValue: String) {
    if let kind = Kind(rawValue: rawValue), !kind.isNumbered {
      self.init(kind)
      return
    }
    let kind = Kind.allCases.first { $0.isNumbered && rawValue.hasPrefix($0.rawValue) }
    guard let kind, let number = Int(rawValue.dropFirst(kind.rawValue.count)), number >= 0
    else { return nil }
    self.init(kind, number)
    // Neither a sign nor leading zeros.
    guard self.rawValue == rawValue else { return nil }
  }
}

extension StageName: Comparable {
  package static func < (a: StageName, b: StageName) -> Bool { a.position < b.position }

  private var position: (Int, Int) {
    (Kind.allCases.firstIndex(of: kind) ?? 0, number ?? 0)
  }
}

/// One intermediate of a run, or of a recording of one.
package struct Stage: Sendable {
  package enum Elements: Sendable {
    case float32([Float])
    case float64([Double])
    case int32([Int32])

    /// The numbers of a pass, in the precision in which it ran.
    init<Scalar: ModelScalar>(_ values: [Scalar]) {
      self = (values as? [Float]).map(Elements.float32) ?? .float64(values.map { Double($0) })
    }
  }

  package let name: StageName
  package let shape: [Int]
  package let elements: Elements

  package init(name: StageName, shape: [Int], elements: Elements) {
    self.name = name
    self.shape = shape
    self.elements = elements
  }

  package var doubles: [Double] {
    switch elements {
    case .float32(let values): values.map(Double.init)
    case .float64(let values): values
    case .int32(let values): values.map(Double.init)
    }
  }
}
