import ReferenceLayers

/// How attention without its projections is computed: what ports get wrong in functions.
struct AttentionForm: Equatable {
  var heads: Int
  var scale: Double
  var axis = "keys"
  var mask = Mask.none
  var rotary: Rotary?
  /// Whether the features of a projection are (width, heads) instead of (heads, width).
  var isInterleaved = false
  /// Whether the heads' results were put side by side without exchanging heads and positions.
  var mergesWrongly = false

  enum Mask: Equatable {
    case none, causal
    /// Hides the keys where an origin, of items and keys, is zero.
    case padding(Int)
    case causalPadding(Int)
    /// Adds an origin's ones and zeros to the scores.
    case added(Int)
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
    add { $0.axis = "queries" }
    for mask in masks { add { $0.mask = mask } }
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
    if a.scale != b.scale {
      return (
        "attention_scale",
        "scores times \(a.scale) in the source, \(b.scale) in the converted model"
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
    switch self {
    case .none: "none"
    case .causal: "later positions are hidden"
    case .padding: "padding is hidden"
    case .causalPadding: "later positions and padding are hidden"
    case .added: "ones and zeros are added"
    }
  }
}
