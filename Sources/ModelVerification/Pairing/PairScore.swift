import ReferenceLayers

/// How well two calls go together, by what is known without their values: the parameters they own,
/// the kind of layer, the sizes of parameters and outputs, and a little by names.
struct PairScore {
  private let source: [Int: Side]
  private let converted: [Int: Side]

  /// What is asked of one call for every call of the other side, by the call's place in its recording.
  private struct Side {
    let words: PathWords
    /// Elements of the parameters, in order, without single numbers.
    let sizes: [Int]
    let owned: Set<Int>

    init(_ call: RecordedCall, owned: Set<Int>) {
      words = PathWords(call.path)
      sizes = call.facts.parameters.values.map { $0.reduce(1, *) }.filter { $0 > 1 }.sorted()
      self.owned = owned
    }
  }

  init(owners: ParameterOwners?, _ source: [RecordedCall], _ converted: [RecordedCall]) {
    func sides(_ calls: [RecordedCall], _ side: RunSide) -> [Int: Side] {
      Dictionary(
        calls.map { ($0.index, Side($0, owned: owners?.targets($0, side) ?? [])) },
        uniquingKeysWith: { first, _ in first })
    }
    self.source = sides(source, .source)
    self.converted = sides(converted, .converted)
  }

  /// What a mapping says outweighs everything else.
  private static let ofMapping = 100.0

  /// `nil` where they cannot be the same layer.
  func callAsFunction(_ a: RecordedCall, _ b: RecordedCall) -> Double? {
    guard let x = source[a.index], let y = converted[b.index] else { return nil }
    let names = names(x.words, y.words) + (a.number == b.number ? 0.2 : 0)
    if a.facts.framework == .plain || b.facts.framework == .plain { return plain(a, b, names) }
    let mapped = ParameterOwners.share(x.owned, y.owned)
    if mapped == 0 { return nil }
    guard let kind = kind(a, b),
      let sizes = mapped != nil || a.definition?.isComposite ?? false ? 0 : sizes(x, y)
    else { return nil }
    return 1 + kind + sizes + (mapped ?? 0) * Self.ofMapping + outputs(a, b) + names
  }

  /// Arrays of no module: the same name, or as many elements.
  private func plain(_ a: RecordedCall, _ b: RecordedCall, _ names: Double) -> Double? {
    if a.path == b.path { return 10 }
    return Self.count(a) == Self.count(b) ? 1 + names : nil
  }

  private func kind(_ a: RecordedCall, _ b: RecordedCall) -> Double? {
    switch (a.definition, b.definition) {
    case (let x?, let y?): x.id == y.id ? 3 : nil
    case (nil, nil): Self.bareClass(a) == Self.bareClass(b) ? 3 : hasParameters(a, b) ? 0 : nil
    default: hasParameters(a, b) ? 0 : nil
    }
  }

  private func hasParameters(_ a: RecordedCall, _ b: RecordedCall) -> Bool {
    !a.facts.parameters.isEmpty && !b.facts.parameters.isEmpty
  }

  private static func bareClass(_ call: RecordedCall) -> Substring {
    call.className.hasPrefix("Flax") ? call.className.dropFirst(4) : call.className[...]
  }

  /// The largest parameter has as many elements on both sides; all have, unless a bias is missing.
  private func sizes(_ a: Side, _ b: Side) -> Double? {
    if a.sizes.last != b.sizes.last { return nil }
    return a.sizes == b.sizes ? 3 : 1
  }

  private static func count(_ call: RecordedCall) -> Int {
    call.outputs.first?.fullShape.reduce(1, *) ?? 0
  }

  private func outputs(_ a: RecordedCall, _ b: RecordedCall) -> Double {
    Self.count(a) == Self.count(b) ? 2 : 0
  }

  /// The numbers in two paths, and their last words: little, but it tells equal layers apart.
  private func names(_ x: PathWords, _ y: PathWords) -> Double {
    (x.numbers == y.numbers ? 0.4 : 0) + 0.8 * x.likeness(y)
  }
}

/// The words and numbers of a path: `layer_0/SelfAttention_1/query` has 0, 1 and layer, self,
/// attention, query.
struct PathWords {
  let words: [String]
  let numbers: [Int]

  init(_ path: String) {
    var (words, numbers) = ([String](), [Int]())
    var current = ""
    func kind(_ c: Character) -> Int { c.isNumber ? 1 : c.isLetter ? 2 : 0 }
    func finish() {
      if let number = Int(current) {
        numbers.append(number)
      } else if !current.isEmpty {
        words.append(current.lowercased())
      }
      current = ""
    }
    for c in path {
      let isNewWord = c.isUppercase && current.last.map { $0.isLowercase } ?? false
      if let last = current.last, kind(last) != kind(c) || isNewWord { finish() }
      if kind(c) != 0 { current.append(c) }
    }
    finish()
    (self.words, self.numbers) = (words, numbers)
  }

  /// From 0 to 1: whether the last words are the same, or begin so (`q` and `query`, `norm` and
  /// `normalization`).
  func likeness(_ other: PathWords) -> Double {
    guard let a = words.last, let b = other.words.last else { return 0 }
    if a == b { return 1 }
    return a.hasPrefix(b) || b.hasPrefix(a) ? 0.6 : 0
  }
}
