package import CheckpointCore

/// What names and shapes tell of a model: how deep it is, how wide, and of a transformer its heads,
/// its vocabulary and the width of its feed-forward layers. What they do not tell is `nil`.
package struct ArchitectureClues: Sendable, Equatable {
  /// Modules that are numbered and lie side by side: `model.layers`, 32 of them.
  package struct Stack: Sendable, Equatable {
    package let path: String
    package let count: Int
    let elements: Int
  }

  /// The largest first.
  package let stacks: [Stack]
  /// The extent that most vectors of the largest stack have: norms and biases of the residual stream.
  package let width: Int?
  package let heads: Int?
  package let vocabulary: Int?
  package let feedForward: Int?

  /// Stacks with less than this part of the largest one's elements say little.
  private static let notableShare = 0.1
  private static let shownStacks = 4

  package init(_ tensors: [TensorInfo]) {
    let found = Self.stacks(in: tensors)
    let largest = found.first?.members ?? []
    stacks = found.map(\.stack)
    let width = Self.width(of: largest)
    self.width = width
    vocabulary = Self.vocabulary(in: tensors, width)
    heads = width.flatMap { Self.heads(in: tensors, $0) }
    feedForward = width.flatMap { Self.feedForward(in: largest, $0) }
  }

  /// The outermost numbered components of the names, where the numbers are several.
  private static func stacks(
    in tensors: [TensorInfo]
  ) -> [(stack: Stack, members: [TensorInfo])] {
    var members: [NumberedPlace: [(number: Int, tensor: TensorInfo)]] = [:]
    for tensor in tensors {
      guard let (place, number) = NumberedPlace.outermost(in: tensor.name) else { continue }
      members[place, default: []].append((number, tensor))
    }
    let found = members.compactMap { place, list -> (stack: Stack, members: [TensorInfo])? in
      let count = Set(list.map(\.number)).count
      guard count > 1 else { return nil }
      let elements = list.reduce(0) { $0 + $1.tensor.shape.count }
      let path = "\(place.before){n}\(place.after)"
      return (Stack(path: path, count: count, elements: elements), list.map(\.tensor))
    }.sorted { ($1.stack.elements, $0.stack.path) < ($0.stack.elements, $1.stack.path) }
    let least = Double(found.first?.stack.elements ?? 0) * notableShare
    return found.filter { Double($0.stack.elements) >= least }.prefix(shownStacks).map(\.self)
  }

  /// `nil` where no extent is that of most vectors.
  private static func width(of tensors: [TensorInfo]) -> Int? {
    let vectors = tensors.filter { $0.shape.rank == 1 }.map { $0.shape.dimensions[0] }
    let counts = vectors.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    guard let most = counts.max(by: { ($0.value, $0.key) < ($1.value, $1.key) }),
      2 * most.value > vectors.count
    else { return nil }
    return most.key
  }

  /// The names that embeddings of tokens have, in the checkpoints of transformers, T5X, PaLM's and
  /// GPT's descendants.
  private static let embeddings = [
    "embed_tokens", "wte", "word_embeddings", "tok_embeddings", "token_embedding",
    "token_embeddings", "token_embedder", "embed_in", "lm_head",
  ]

  private static func vocabulary(in tensors: [TensorInfo], _ width: Int?) -> Int? {
    let named = tensors.first { tensor in
      tensor.shape.rank == 2 && embeddings.contains { has($0, tensor.name) }
    }
    guard let extents = named?.shape.dimensions else { return nil }
    return extents.first { $0 != width } ?? width
  }

  /// From a projection that keeps heads apart, the frequencies of rotary embeddings, or the biases of
  /// relative positions.
  private static func heads(in tensors: [TensorInfo], _ width: Int) -> Int? {
    for tensor in tensors {
      let extents = tensor.shape.dimensions
      if extents.count == 3, has("query", tensor.name), extents[0] == width { return extents[1] }
      if extents.count == 1, has("inv_freq", tensor.name), width % (2 * max(1, extents[0])) == 0 {
        return width / (2 * max(1, extents[0]))
      }
      if extents.count == 2, has("relative_attention_bias", tensor.name) { return extents[1] }
    }
    return nil
  }

  /// The names that the first layer of a feed-forward block has.
  private static let feedForwards = [
    "up_proj", "gate_proj", "fc1", "c_fc", "dense_h_to_4h", "intermediate", "wi", "wi_0", "w1",
    "lin1", "Dense_0",
  ]

  private static func feedForward(in tensors: [TensorInfo], _ width: Int) -> Int? {
    let extents = tensors.first { tensor in
      tensor.shape.rank == 2 && tensor.shape.dimensions.contains(width)
        && feedForwards.contains { has($0, tensor.name) }
    }?.shape.dimensions
    return extents.flatMap { extents in extents.first { $0 != width } }
  }

  /// Whether `component` is one of the name's.
  private static func has(_ component: String, _ name: TensorName) -> Bool {
    name.components.contains(TensorName(component))
  }

  /// What is known, as labels and values.
  var rows: [(String, String)] {
    var rows = stacks.enumerated().map { index, stack in
      (index == 0 ? "layers" : "", "\(thousands(stack.count)) in \(printable(stack.path))")
    }
    func add(_ label: String, _ value: Int?) {
      if let value { rows.append((label, thousands(value))) }
    }
    add("width", width)
    add("heads", heads)
    add("feed-forward", feedForward)
    add("vocabulary", vocabulary)
    return rows
  }

  /// A member of `schemas/describe-checkpoint.schema.json`.
  var json: JSONValue {
    func optional(_ value: Int?) -> JSONValue { value.map(JSONValue.int) ?? .null }
    return .object([
      "stacks": .array(
        stacks.map { .object(["path": .string($0.path), "count": .int($0.count)]) }),
      "width": optional(width),
      "heads": optional(heads),
      "feed_forward": optional(feedForward),
      "vocabulary": optional(vocabulary),
    ])
  }
}

/// The number in the path of a module, by what stands before it in the name and behind it in the
/// module's own part.
private struct NumberedPlace: Hashable {
  let before: TensorName
  let after: TensorName

  /// That of the outermost module with a number; `nil` where no module has one.
  static func outermost(in name: TensorName) -> (place: NumberedPlace, number: Int)? {
    let bytes = name.utf8
    var start = bytes.startIndex
    while let end = bytes[start...].firstIndex(where: TensorName.isSeparator) {
      let text = NumberedText(String(Substring(bytes[start..<end])))
      if let number = text.numbers.last {
        let around = text.around(text.numbers.count - 1)
        let path = String(Substring(bytes[..<start]))
        let place = NumberedPlace(
          before: TensorName(path + around.before), after: TensorName(around.after))
        return (place, number)
      }
      start = bytes.index(after: end)
    }
    return nil
  }
}
