package import CheckpointCore

/// What a checkpoint holds, as a list of all entries or as a tree in which families are one row.
package struct CheckpointListing: Sendable {
  /// The format's name for a person.
  package let formatDescription: String
  package let entries: [CheckpointEntry]
  /// The tensors, each with the first name that views the same elements, if another does.
  package let tensors: [(tensor: TensorInfo, aliasOf: TensorName?)]
  /// By the other name, the first one.
  private let aliases: [TensorName: TensorName]

  /// More rows than a person reads in a terminal; where there are more, families are folded.
  package static let readableRows = 200

  package init(_ entries: [CheckpointEntry], formatDescription: String) {
    self.formatDescription = formatDescription
    self.entries = entries
    tensors = withAliases(
      entries.compactMap { if case .tensor(let tensor) = $0 { tensor } else { nil } })
    aliases = Dictionary(
      tensors.compactMap { item in item.aliasOf.map { (item.tensor.name, $0) } },
      uniquingKeysWith: { first, _ in first })
  }

  /// One row per entry, in the file's order.
  package func flat(_ style: TextStyle = .plain) -> [String] {
    var table = TextTable(header: ["Name", "Dtype", "Shape", "Bytes", ""])
    table.elastic = [0, 4]
    for entry in entries {
      let name = entry.name.isEmpty ? "\"\"" : printable(entry.name)
      switch entry {
      case .tensor(let tensor):
        table.rows.append([
          name, tensor.dtype.name, tensor.shape.description, thousands(tensor.byteCount),
          note(on: entry),
        ])
      case .placeholder: table.rows.append([name, "-", "-", "-", note(on: entry)])
      }
    }
    return table.plain(style)
  }

  /// What else is to be said of an entry: whose second name it is, or why it is no tensor.
  private func note(on entry: CheckpointEntry) -> String {
    switch entry {
    case .tensor(let tensor): aliases[tensor.name].map { "= \(printable($0))" } ?? ""
    case .placeholder(let item): printable(item.reason)
    }
  }

  /// The last line of a listing: how much there is.
  package var summary: String {
    var (own, elements, bytes) = (0, 0, 0)
    for (tensor, aliasOf) in tensors where aliasOf == nil {
      own += 1
      elements += tensor.shape.count
      bytes += tensor.byteCount
    }
    let others = entries.count - tensors.count
    var parts = [tensors.isEmpty ? "no tensors" : counted(tensors.count, "tensor")]
    if own < tensors.count {
      parts.append("\(thousands(tensors.count - own)) of them aliases")
    }
    if others > 0 { parts.append(counted(others, "other entry", "other entries")) }
    if own > 0 {
      parts.append(counted(elements, "element"))
      parts.append(byteSize(bytes))
    }
    return "\(formatDescription): " + parts.joined(separator: ", ")
  }
}

extension CheckpointListing {
  /// What entries have in common that stand in one row of the tree.
  private enum Key: Hashable {
    case tensor(DType, Shape, isAlias: Bool)
    case placeholder(String)
  }

  /// The names as a tree, families folded, each group with the sum of what lies in it.
  package func tree(_ style: TextStyle = .plain) -> [String] {
    var table = TextTable(header: ["Name", "Tensors", "Shape", "Dtype", "Bytes", "Share", ""])
    table.elastic = [0, 6]
    table.rightAligned = [1, 4, 5]
    table.colors = [5: .dim]
    let folded = FoldedNames(entries.map { (name: $0.name, key: key(of: $0)) })
    let total = folded.root.members.reduce(0) { $0 + ownBytes($1) }
    func add(_ node: FoldedNames<Key>.Node, depth: Int) {
      let label = depth == 0 ? node.label : Self.withoutSeparator(node.label)
      table.rows.append(row(node, String(repeating: "  ", count: depth) + printable(label), total))
      for child in node.children { add(child, depth: depth + 1) }
    }
    let isNamed = !folded.root.label.isEmpty || !folded.root.own.isEmpty
    for node in isNamed ? [folded.root] : folded.root.children { add(node, depth: 0) }
    return table.plain(style)
  }

  private func key(of entry: CheckpointEntry) -> Key {
    switch entry {
    case .tensor(let tensor):
      .tensor(tensor.dtype, tensor.shape, isAlias: aliases[tensor.name] != nil)
    case .placeholder(let item): .placeholder(item.reason)
    }
  }

  /// What a row counts: an alias takes no bytes of its own.
  private func ownBytes(_ position: Int) -> Int {
    guard case .tensor(let tensor) = entries[position], aliases[tensor.name] == nil else {
      return 0
    }
    return tensor.byteCount
  }

  private func row(_ node: FoldedNames<Key>.Node, _ name: String, _ total: Int) -> [String] {
    let members = node.members
    let count = members.count { if case .tensor = entries[$0] { true } else { false } }
    let bytes = members.reduce(0) { $0 + ownBytes($1) }
    let sizes = [thousands(bytes), percentage(Double(bytes) / Double(total))]
    guard let first = node.own.first, node.children.isEmpty else {
      return [name, thousands(count), "", ""] + sizes + [""]
    }
    let shown = name.isEmpty ? "\"\"" : name
    switch entries[first] {
    case .placeholder: return [shown, "-", "-", "-", "-", "", note(on: entries[first])]
    case .tensor(let tensor):
      // A family's members have each another original.
      let isFamily = members.count > 1
      let note = isFamily && aliases[tensor.name] != nil ? "aliases" : note(on: entries[first])
      return [shown, thousands(count), tensor.shape.description, tensor.dtype.name] + sizes
        + [note]
    }
  }

  private static func withoutSeparator(_ label: String) -> String {
    guard let first = label.utf8.first, TensorName.isSeparator(first) else { return label }
    return String(Substring(label.utf8.dropFirst()))
  }
}
