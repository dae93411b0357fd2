/// An entry of a checkpoint with everything that is known of it without its data.
extension CheckpointEntry: RecordedOutcome {
  package var record: JSONValue {
    switch self {
    case .tensor(let tensor):
      .object([
        "name": .name(tensor.name), "name_in_file": .name(tensor.nameInFile),
        "dtype": .string(tensor.dtype.name), "shape": .ints(tensor.shape.dimensions),
        "storage": tensor.storage?.record ?? .null,
      ])
    case .placeholder(let item):
      .object([
        "placeholder": .name(item.name), "kind": .string(item.kind == .data ? "data" : "value"),
        "reason": .string(item.reason), "value": item.value?.value ?? .null,
        "has_value": .bool(item.value != nil),
        "is_metadata": .bool(item.value?.isMetadata ?? false),
      ])
    }
  }

  package init(record node: DocumentNode) throws {
    guard let name = try node.optional("placeholder")?.name() else {
      let tensor = TensorInfo(
        name: try node.require("name_in_file").name(), dtype: try node.require("dtype").dtype(),
        shape: try node.require("shape").shape(),
        storage: try node.optional("storage").map { try StorageView(record: $0) })
      self = .tensor(tensor.renamed(try node.require("name").name()))
      return
    }
    let value = PlainValue(
      node.value["value"] ?? .null, isMetadata: try node.require("is_metadata").bool())
    self = .placeholder(
      Placeholder(
        name: name, kind: try node.require("kind").string() == "data" ? .data : .value,
        reason: try node.require("reason").string(),
        value: try node.require("has_value").bool() ? value : nil))
  }
}

extension StorageView: RecordedOutcome {
  package var record: JSONValue {
    .object([
      "key": .string(key), "file_offset": fileOffset.map(JSONValue.int) ?? .null,
      "offset": .int(offset), "strides": .ints(strides), "changes_values": .bool(changesValues),
    ])
  }

  package init(record node: DocumentNode) throws {
    self.init(
      key: try node.require("key").string(), fileOffset: try node.optional("file_offset")?.int(),
      offset: try node.require("offset").int(),
      strides: try node.require("strides").items().map { try $0.int() },
      changesValues: try node.require("changes_values").bool())
  }
}

extension DocumentNode {
  /// An array of extents.
  package func shape() throws -> Shape {
    guard let shape = Shape(try items().map { try $0.int() }) else {
      throw problem("these extents are no shape")
    }
    return shape
  }

  /// The name of a dtype.
  package func dtype() throws -> DType {
    guard let dtype = DType(rawValue: try string()) else {
      throw problem("'\(try string())' is no dtype")
    }
    return dtype
  }
}

/// An error as it was found, to be thrown again.
extension CheckpointError: RecordedOutcome {
  package var record: JSONValue {
    .object([
      "kind": .string(Self.kinds.first { $0.kind == kind }?.name ?? ""), "file": .optional(file),
      "entry": .optional(entry), "message": .string(message), "advice": .optional(advice),
    ])
  }

  package init(record node: DocumentNode) throws {
    let name = try node.require("kind").string()
    guard let kind = Self.kinds.first(where: { $0.name == name })?.kind else {
      throw node.problem("'\(name)' is no kind of error")
    }
    self.init(
      kind: kind, file: try node.optional("file")?.string(),
      entry: try node.optional("entry")?.string(), try node.require("message").string(),
      advice: try node.optional("advice")?.string())
  }

  private static var kinds: [(kind: Kind, name: String)] {
    [(.badInput, "bad_input"), (.checkFailed, "check_failed"), (.usage, "usage")]
  }
}
