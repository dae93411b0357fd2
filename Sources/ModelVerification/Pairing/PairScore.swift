import ReferenceLayers

/// How well two calls go together, by what is known without their values: the parameters they own,
/// the kind of layer, the sizes of parameters and outputs, and a little by names.
struct PairScore {
  let owners: ParameterOwners?

  /// What a mapping says outweighs everything else.
  private static let ofMapping = 100.0

  /// `nil` where they cannot be the same layer.
  func callAsFunction(_ a: RecordedCall, _ b: RecordedCall) -> Double? {
    if a.facts.framework == .plain || b.facts.framework == .plain { return plain(a, b) }
    let mapped = owners?.share(a, b)
    if mapped == 0 { return nil }
    guard let kind = kind(a, b), let sizes = mapped != nil ? 0 : sizes(a, b) else { return nil }
    return 1 + kind + sizes + (mapped ?? 0) * Self.ofMapping + outputs(a, b) + names(a, b)
  }

  /// Arrays of no module: the same name, or as many elements.
  private func plain(_ a: RecordedCall, _ b: RecordedCall) -> Double? {
    if a.path == b.path { return 10 }
    return Self.count(a) == Self.count(b) ? 1 + names(a, b) : nil
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
  private func sizes(_ a: RecordedCall, _ b: RecordedCall) -> Double? {
    let sizes = [a, b].map { call in
      call.facts.parameters.values.map { $0.reduce(1, *) }.filter { $0 > 1 }.sorted()
    }
    if a.definition?.isComposite ?? false { return 0 }
    if sizes[0].last != sizes[1].last { return nil }
    return sizes[0] == sizes[1] ? 3 : 1
  }

  private static func count(_ call: RecordedCall) -> Int {
    call.outputs.first?.fullShape.reduce(1, *) ?? 0
  }

  private func outputs(_ a: RecordedCall, _ b: RecordedCall) -> Double {
    Self.count(a) == Self.count(b) ? 2 : 0
  }

  /// The numbers in two paths, and their last words: little, but it tells equal layers apart.
  private func names(_ a: RecordedCall, _ b: RecordedCall) -> Double {
    let (x, y) = (PathWords(a.path), PathWords(b.path))
    var score = 0.0
    if x.numbers == y.numbers { score += 0.4 }
    score += 0.8 * x.likeness(y)
    return score + (a.number == b.number ? 0.2 : 0)
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
