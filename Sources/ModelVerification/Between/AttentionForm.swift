import ReferenceLayers

/// How attention without its projections is computed: what ports get wrong in functions.
struct AttentionForm: Equatable {
  var heads: Int
  var scale: Double
  /// What everything is multiplied by before the softmax.
  var temperature = 1.0
  var axis = "keys"
  var mask = Mask.none
  var rotary: Rotary?
  /// Whether the features of a projection are (width, heads) instead of (heads, width).
  var isInterleaved = false
  /// Whether the heads' results were put side by side without exchanging heads and positions.
  var mergesWrongly = false

  /// What is hidden, or added to the scores.
  struct Mask: Equatable {
    /// Positions that come later by more than so many are hidden.
    var causal: Int?
    var given: Given?

    static var none: Mask { Mask() }

    /// An earlier tensor that says so.
    struct Given: Equatable {
      let use: Use
      let origin: Origin

      enum Use {
        /// Of items and keys: hides the keys where it is zero.
        case hidden
        /// Of items and keys: its ones and zeros are added.
        case added
        /// Of queries and keys, of all heads or of each: its numbers are added.
        case bias
      }

      static func == (a: Given, b: Given) -> Bool { a.use == b.use && a.origin === b.origin }
    }
  }

  /// Rotary positions (Su et al., arXiv:2104.09864): pairs are (i, i + width / 2), or neighbours.
  struct Rotary: Equatable {
    var base: Double
    var isInterleaved: Bool
  }

  /// What one change makes of this form.
  func changed(width: Int, masks: [Mask]) -> [AttentionForm] {
    var result: [AttentionForm] = []
    func add(_ change: (inout AttentionForm) -> Void) {
      var form = self
      change(&form)
      if form != self { result.append(form) }
    }
    let each = Double(width / max(1, heads))
    for scale in [1, 1 / each.squareRoot(), 1 / Double(width).squareRoot(), 1 / each] {
      add { $0.scale = scale }
    }
    for temperature in [0.5, 2] { add { $0.temperature *= temperature } }
    add { $0.axis = "queries" }
    for mask in masks { add { $0.mask = mask } }
    if let offset = mask.causal {
      for other in [offset - 1, offset + 1] { add { $0.mask.causal = other } }
    }
    for heads in 1...max(1, width) where width % heads == 0 {
      add { ($0.heads, $0.scale) = (heads, 1 / (Double(width) / Double(heads)).squareRoot()) }
    }
    for base in [10_000.0, 500_000, 1_000_000, 100_000, 1_000] {
      for isInterleaved in [false, true] {
        add { $0.rotary = Rotary(base: base, isInterleaved: isInterleaved) }
      }
    }
    add { $0.rotary = nil }
    add { $0.isInterleaved.toggle() }
    add { $0.mergesWrongly.toggle() }
    return result
  }

  /// The id of the cause that one form stands in the other's place, and its words.
  static func cause(_ a: AttentionForm, _ b: AttentionForm) -> (id: String, text: String) {
    if a.heads != b.heads {
      return (
        "number_of_heads", "\(a.heads) heads in the source, \(b.heads) in the converted model"
      )
    }
    if a.rotary != b.rotary {
      guard let x = a.rotary, let y = b.rotary else {
        return (
          a.rotary == nil ? "rotary_added" : "rotary_missing",
          "rotary positions on one side only"
        )
      }
      return x.base == y.base
        ? (
          "rotary_pairs",
          "rotary pairs are \(x.words) in the source, \(y.words) in the converted model"
        )
        : ("rotary_base", "rotary base \(x.base) in the source, \(y.base) in the converted model")
    }
    if a.scale != b.scale || a.temperature != b.temperature {
      return (
        "attention_scale",
        "scores times \(a.scale * a.temperature) in the source, "
          + "\(b.scale * b.temperature) in the converted model"
      )
    }
    if a.axis != b.axis {
      return ("softmax_axis", "softmax over the \(a.axis) in the source, the \(b.axis) elsewhere")
    }
    if a.mask != b.mask {
      return (
        "attention_mask",
        "mask: \(a.mask.words) in the source, \(b.mask.words) in the converted model"
      )
    }
    return ("head_layout", "heads and features are laid out in another order")
  }
}

extension AttentionForm.Rotary {
  fileprivate var words: String { isInterleaved ? "neighbours" : "halves apart" }
}

extension AttentionForm.Mask {
  fileprivate var words: String {
    let earlier: [String?] = [
      causal.map {
        $0 == 0
          ? "later positions are hidden"
          : "positions that come later by more than \($0) are hidden"
      }, given.map(\.words),
    ]
    let parts = earlier.compactMap(\.self)
    return parts.isEmpty ? "none" : parts.joined(separator: ", ")
  }
}

extension AttentionForm.Mask.Given {
  fileprivate var words: String {
    switch use {
    case .hidden: "padding is hidden"
    case .added: "ones and zeros are added"
    case .bias: "\(origin.title) is added"
    }
  }
}
