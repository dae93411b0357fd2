import CheckpointCore

/// A tensor's or a module's path, taken apart so that two frameworks' names can be compared.
struct NameParts: Sendable, Hashable {
  /// One component of the path: its words without numbers, and its number.
  struct Component: Sendable, Hashable {
    let words: [String]
    /// The place among its siblings with the same words: `conv1` and `Conv_0` are both the first.
    var rank: Int?
  }

  var components: [Component]

  /// The numbers of those components that have one.
  var numbers: [Int] { components.compactMap(\.rank) }

  /// The words of each component, numbers left out.
  var words: [[String]] { components.map(\.words) }

  /// The components of a name between `/` and `.`.
  static func split(_ name: TensorName) -> [String] {
    name.components.map(\.text)
  }

  /// The words and the last number of a component: `LayerNorm_0` is layer, norm and 0.
  static func words(_ component: String) -> (words: [String], number: Int?) {
    var words: [String] = []
    var word = ""
    var number: Int?
    var previous: Character = "_"
    func isBoundary(_ character: Character) -> Bool {
      character.isUppercase && (previous.isLowercase || previous.isNumber)
    }
    var digits = ""
    func close() {
      if !word.isEmpty { words.append(word.lowercased()) }
      word = ""
      if let value = Int(digits) { number = value }
      digits = ""
    }
    for character in component {
      if character.isNumber, character.isASCII {
        if digits.isEmpty { close() }
        digits.append(character)
      } else if character.isLetter {
        if !digits.isEmpty || isBoundary(character) { close() }
        word.append(character)
      } else {
        close()
      }
      previous = character
    }
    close()
    return (canonical(words), number)
  }

  /// Different words for one thing, in one form.
  private static let synonyms: [String: String] = [
    "convolution": "conv", "convolutional": "conv", "conv1d": "conv", "conv2d": "conv",
    "linear": "dense", "fc": "dense", "proj": "dense", "projection": "dense",
    "norm": "norm", "ln": "norm", "bn": "norm", "gn": "norm", "layernorm": "norm",
    "batchnorm": "norm", "groupnorm": "norm", "normalization": "norm", "rmsnorm": "norm",
    "layernormalization": "norm", "batchnormalization": "norm",
    "embed": "embedding", "embeddings": "embedding", "emb": "embedding", "wte": "embedding",
    "attn": "attention", "multihead": "attention", "mha": "attention", "selfattention": "attention",
    "query": "q", "key": "k", "value": "v", "output": "out",
    "enc": "encoder", "dec": "decoder", "pos": "position", "posembed": "position",
    "layers": "layer", "blocks": "layer", "block": "layer", "h": "layer",
    "encoderblock": "layer", "transformerblock": "layer", "stages": "stage",
    "classifier": "head", "logits": "head", "shortcut": "downsample", "pre": "pre",
  ]
  /// Words that say the same only together.
  private static let pairs: [[String]: String] = [
    ["layer", "norm"]: "norm", ["batch", "norm"]: "norm", ["group", "norm"]: "norm",
    ["layer", "normalization"]: "norm", ["batch", "normalization"]: "norm",
    ["multi", "head"]: "attention", ["self", "attention"]: "attention",
    ["encoder", "block"]: "layer", ["transformer", "block"]: "layer",
    ["encoder", "layer"]: "layer", ["transformer", "layer"]: "layer",
    ["class", "token"]: "cls",
  ]

  private static func canonical(_ words: [String]) -> [String] {
    var result: [String] = []
    for word in words {
      let single = synonyms[word] ?? word
      if let last = result.last, let pair = pairs[[last, word]] ?? pairs[[last, single]] {
        result[result.count - 1] = pair
      } else {
        result.append(single)
      }
    }
    // `conv_conv` says no more than `conv`.
    return result.enumerated().filter { $0 == 0 || result[$0 - 1] != $1 }.map(\.element)
  }

  /// How alike two paths are, from 0 to 1: the best alignment of their components.
  func similarity(to other: NameParts) -> Double {
    let (a, b) = (components, other.components)
    guard !a.isEmpty || !b.isEmpty else { return 1 }
    var row = [Double](repeating: 0, count: b.count + 1)
    for x in a {
      var diagonal = 0.0
      for (index, y) in b.enumerated() {
        let match = diagonal + x.similarity(to: y)
        diagonal = row[index + 1]
        row[index + 1] = max(match, row[index + 1], row[index])
      }
    }
    let components = 2 * row[b.count] / Double(a.count + b.count)
    let counting = numbers == other.numbers ? 1.0 : 0
    return Self.componentWeight * components + (1 - Self.componentWeight) * counting
  }

  /// The rest is for the numbers alone: one framework counts `ln_1`, another `layers.1.ln`.
  private static let componentWeight = 0.85
}

extension NameParts.Component {
  fileprivate func similarity(to other: Self) -> Double {
    let common = words.count { other.words.contains($0) }
    let words =
      self.words.isEmpty && other.words.isEmpty
      ? 1 : 2 * Double(common) / Double(max(1, self.words.count + other.words.count))
    let numbers = rank == other.rank ? 1.0 : rank == nil || other.rank == nil ? 0.5 : 0
    return 0.7 * words + 0.3 * numbers
  }
}
