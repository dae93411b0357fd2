package import CheckpointCore

/// What a checkpoint is, as far as its structure and its names tell, without reading tensor data.
package struct CheckpointDescription: Sendable {
  /// The tensors of one role.
  package struct Part: Sendable, Equatable {
    package let role: StateRole
    package fileprivate(set) var tensors = 0
    package fileprivate(set) var elements = 0
    package fileprivate(set) var bytes = 0
    /// Tensors by dtype, the commonest first.
    package fileprivate(set) var dtypes: [(dtype: DType, tensors: Int)] = []

    package static func == (a: Part, b: Part) -> Bool {
      (a.role, a.tensors, a.elements, a.bytes) == (b.role, b.tensors, b.elements, b.bytes)
        && a.dtypes.map(\.dtype) == b.dtypes.map(\.dtype)
        && a.dtypes.map(\.tensors) == b.dtypes.map(\.tensors)
    }
  }

  /// A model whose mapping takes the parameters, and whose layout they have.
  package struct KnownModel: Sendable, Equatable {
    package let name: String
    package let side: String

    package init(name: String, side: String) {
      self.name = name
      self.side = side
    }
  }

  package let path: String
  package let format: FormatName
  package let framework: Framework?
  package let model: KnownModel?
  package let architecture: ArchitectureClues
  /// In the order of `StateRole`, those that occur. A second name of a storage counts nowhere.
  package let parts: [Part]
  /// The entries that are no tensors.
  package let placeholders: [Placeholder]
  private let listing: CheckpointListing

  /// - Parameters:
  ///   - listing: what the file holds.
  ///   - model: the model that a mapping recognised.
  package init(path: String, format: FormatName, listing: CheckpointListing, model: KnownModel?) {
    self.path = path
    self.format = format
    self.model = model
    self.listing = listing
    placeholders = listing.entries.compactMap {
      if case .placeholder(let item) = $0 { item } else { nil }
    }
    let own = listing.tensors.filter { $0.aliasOf == nil }.map(\.tensor)
    let byRole = Dictionary(grouping: own) { StateRole(of: $0.name) }
    parts = StateRole.allCases.compactMap { role in byRole[role].map { Self.part(role, $0) } }
    // Names of second copies would count every layer again.
    let parameters = byRole[.parameters] ?? byRole[.average] ?? []
    framework = Framework(format, parameters)
    architecture = ArchitectureClues(parameters)
  }

  private static func part(_ role: StateRole, _ tensors: [TensorInfo]) -> Part {
    var part = Part(role: role)
    var counts: [DType: Int] = [:]
    for tensor in tensors {
      part.tensors += 1
      part.elements += tensor.shape.count
      part.bytes += tensor.byteCount
      counts[tensor.dtype, default: 0] += 1
    }
    part.dtypes = counts.sorted { ($1.value, $0.key.name) < ($0.value, $1.key.name) }
      .map { (dtype: $0.key, tensors: $0.value) }
    return part
  }
}

extension CheckpointDescription {
  /// Values shown before the rest is counted.
  private static var shownValues: Int { 8 }

  /// A few lines for a person.
  package func lines() -> [String] {
    var rows: [(String, String)] = []
    if let framework { rows.append(("framework", framework.rawValue)) }
    if let model {
      rows.append(("model", "\(model.name), in \(model.side)'s layout, by its names and shapes"))
    }
    rows += architecture.rows
    for part in parts {
      let dtypes =
        part.dtypes.count == 1
        ? part.dtypes[0].dtype.name
        : part.dtypes.map { "\(thousands($0.tensors)) \($0.dtype.name)" }.joined(separator: ", ")
      let size = "\(counted(part.elements, "element")), \(byteSize(part.bytes))"
      rows.append((part.role.title, "\(counted(part.tensors, "tensor")), \(size): \(dtypes)"))
    }
    let unread = placeholders.filter { $0.kind == .data }
    if !unread.isEmpty {
      let which = unread.count == 1 ? "" : ", the first"
      rows.append(
        ("not read", "\(counted(unread.count, "entry", "entries"))\(which): \(text(unread[0]))"))
    }
    let values = placeholders.filter { $0.kind == .value }
    for (index, item) in values.prefix(Self.shownValues).enumerated() {
      rows.append((index == 0 ? "values" : "", text(item)))
    }
    if values.count > Self.shownValues {
      rows.append(("", "… \(thousands(values.count - Self.shownValues)) more"))
    }
    let width = rows.map(\.0.count).max() ?? 0
    return ["\(printable(path)): \(listing.summary)"]
      + rows.map { label, value in
        "  \(label)\(String(repeating: " ", count: width - label.count))  \(value)"
      }
  }

  private func text(_ item: Placeholder) -> String {
    "\(abbreviated(printable(item.name), to: 60)): \(abbreviated(printable(item.reason), to: 100))"
  }

  /// `schemas/describe-checkpoint.schema.json`.
  package var json: JSONValue {
    .object([
      "schema_version": .int(1),
      "file": .string(path),
      "format": .string(format.rawValue),
      "framework": .optional(framework?.rawValue),
      "model": model.map { .object(["name": .string($0.name), "side": .string($0.side)]) } ?? .null,
      "architecture": architecture.json,
      "parts": .array(
        parts.map { part in
          .object([
            "role": .string(part.role.rawValue),
            "tensors": .int(part.tensors),
            "elements": .int(part.elements),
            "bytes": .int(part.bytes),
            "dtypes": .object(part.dtypes.map { .init($0.dtype.name, .int($0.tensors)) }),
          ])
        }),
      "placeholders": .array(placeholders.map(\.json)),
    ])
  }
}
