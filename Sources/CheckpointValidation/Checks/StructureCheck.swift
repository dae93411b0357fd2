import CheckpointCore
import CheckpointInspection
import CheckpointMapping

/// Compares names, shapes and dtypes: what is known without reading an element.
struct StructureCheck {
  private let schema: CheckpointSchema
  private let entries: [CheckpointEntry]
  private let expected: [ExpectedTensor]
  private let tensors: [TensorName: TensorInfo]
  private var findings: [Finding] = []

  init(
    _ schema: CheckpointSchema, _ expected: [ExpectedTensor], _ entries: [CheckpointEntry]
  ) {
    self.schema = schema
    self.expected = expected
    self.entries = entries
    var tensors: [TensorName: TensorInfo] = [:]
    for case .tensor(let tensor) in entries { tensors[tensor.name] = tensor }
    self.tensors = tensors
  }

  /// - Returns: the findings, and the tensors whose elements are worth looking at.
  mutating func run() throws -> (findings: [Finding], tensors: [TensorInfo]) {
    if let other = try otherLayout(expected) { return ([other], []) }
    let covered = checkPresence(expected)
    checkCounts()
    checkShapes(expected)
    // A second name is compared with the first, which is judged for both.
    checkDtypes(except: Set(expected.filter { $0.aliasOf != nil }.map(\.name)))
    for case .placeholder(let item) in entries where item.kind == .data {
      findings.append(
        Finding(
          .unreadableEntry, tensor: item.name, found: item.reason,
          hint: "leave it out with --exclude to check the rest"))
    }
    let checked = entries.compactMap { entry -> TensorInfo? in
      guard case .tensor(let tensor) = entry, covered.contains(tensor.name) else { return nil }
      return tensor
    }
    return (findings, checked)
  }

  /// A file of the other framework would give a finding per tensor; one says it better.
  private func otherLayout(_ expected: [ExpectedTensor]) throws -> Finding? {
    let required = expected.filter(\.isRequired)
    let missing = required.count { tensors[$0.name] == nil }
    guard missing > required.count / 2 else { return nil }
    let models =
      try schema.model.map { [$0] }
      ?? BuiltInModels.names.compactMap { try BuiltInModels.model($0) }
    for model in models {
      for direction in [ConversionDirection.forward, .reverse] {
        guard
          let plan = try? ModelMatcher.plan(entries, models: [model], direction: direction)
        else { continue }
        let isFlax = direction == .forward
        let isWanted = isFlax == (schema.layout == .flax)
        if isWanted, schema.model != nil {
          // The right layout, below some path.
          return plan.root.isEmpty
            ? nil
            : Finding(
              .otherLayout, expected: "the tensors of \(schema.name) at the top",
              found: "them under \(plan.root)", hint: "use --key \(plan.root)")
        }
        guard !isWanted || schema.model == nil else { continue }
        return Finding(
          .otherLayout, expected: "the tensors of \(schema.name)",
          found: "\(model.name) in \(isFlax ? "Flax's" : "PyTorch's") layout",
          hint: isFlax
            ? "looks like the Flax layout: convert it first"
            : "looks like the PyTorch layout: convert it first, with --reverse")
      }
    }
    return nil
  }

  /// Missing and unexpected tensors, each with the other it may have become.
  ///
  /// - Returns: the names that the schema speaks of.
  private mutating func checkPresence(_ expected: [ExpectedTensor]) -> Set<TensorName> {
    let names = Set(expected.map(\.name))
    var covered = names
    var unexpected: [TensorName] = []
    for name in tensors.keys.sorted() where !names.contains(name) {
      let isCovered = !schema.entries(for: name).isEmpty
      // In an open world every tensor is looked at, with the defaults.
      if isCovered || !schema.isClosed { covered.insert(name) }
      if !isCovered && schema.isClosed { unexpected.append(name) }
    }
    let missing = expected.filter { tensors[$0.name] == nil }
    let prefix = commonPrefix(of: missing.map(\.name))
    // Comparing all with all takes too long where a whole model has other names; its hints would
    // say nothing either.
    let isComparable = missing.count * unexpected.count <= Self.maximumComparisons
    for tensor in missing where tensor.isRequired {
      let near = isComparable ? nearestName(to: tensor.name, among: unexpected) : nil
      findings.append(
        Finding(
          .missingTensor, tensor: tensor.name, expected: "this tensor", found: "none",
          hint: prefix.map { "the tensors lie under '\($0)': use --key \($0)" }
            ?? near.map { "did you mean \($0)?" }))
    }
    // Formats without shared storage may leave all second names out, but not some.
    let aliases = expected.filter { $0.aliasOf != nil }
    let missingAliases = aliases.filter { tensors[$0.name] == nil }
    if missingAliases.count < aliases.count {
      findings += missingAliases.map {
        Finding(
          .missingAlias, tensor: $0.name, expected: "a second name of \($0.aliasOf?.text ?? "")",
          found: "none", hint: "load_state_dict(strict=True) asks for it")
      }
    }
    for name in unexpected {
      let near = isComparable ? nearestName(to: name, among: missing.map(\.name)) : nil
      findings.append(
        Finding(
          .unexpectedTensor, tensor: name, expected: "no such tensor",
          found: tensors[name]?.shape.description, hint: near.map { "did you mean \($0)?" }))
    }
    return covered
  }

  /// Pairs of names that may be compared for "did you mean".
  private static let maximumComparisons = 40_000

  /// The path below which most of the missing names are found.
  private func commonPrefix(of missing: [TensorName]) -> TensorName? {
    guard let first = missing.first, missing.count > 1 else { return nil }
    for name in tensors.keys.sorted() {
      guard let (group, _) = name.groups.first(where: { $0.rest == first }) else { continue }
      // The group's name with the separator behind it.
      let prefix = Substring(name.utf8.prefix(group.utf8.count + 1))
      if missing.allSatisfy({ tensors["\(prefix)\($0)"] != nil }) { return group }
    }
    return nil
  }

  private mutating func checkCounts() {
    var counts = [Int](repeating: 0, count: schema.entries.count)
    for name in tensors.keys {
      for index in schema.indices(for: name) { counts[index] += 1 }
    }
    for (entry, matches) in zip(schema.entries, counts)
    where entry.count != nil || entry.names.isEmpty {
      if let count = entry.count, !count.contains(matches) {
        let expected =
          count.lowerBound == count.upperBound
          ? "\(count.lowerBound)"
          : count.upperBound == .max
            ? "at least \(count.lowerBound)" : "\(count.lowerBound) to \(count.upperBound)"
        findings.append(
          Finding(
            .countMismatch, tensor: TensorName(entry.pattern.text), expected: "\(expected) tensors",
            found: "\(matches)"))
      } else if entry.count == nil, entry.isRequired, matches == 0, schema.model == nil {
        findings.append(
          Finding(
            .missingTensor, tensor: TensorName(entry.pattern.text), expected: "at least one tensor",
            found: "none"))
      }
    }
  }

  private mutating func checkShapes(_ expected: [ExpectedTensor]) {
    var extents = schema.dimensions.mapValues { (extent: $0, from: "the schema") }
    var shapes = Dictionary(
      expected.compactMap { tensor in tensor.shape.map { (tensor.name, [$0]) } },
      uniquingKeysWith: +)
    for name in tensors.keys {
      for shape in schema.entries(for: name).compactMap(\.shape)
      where shapes[name]?.contains(shape) != true {
        shapes[name, default: []].append(shape)
      }
    }
    for case .tensor(let tensor) in entries {
      for shape in shapes[tensor.name] ?? [] { checkShape(tensor, shape, &extents) }
    }
  }

  private mutating func checkShape(
    _ tensor: TensorInfo, _ expected: [SchemaEntry.Extent],
    _ extents: inout [String: (extent: Int, from: String)]
  ) {
    let found = tensor.shape.dimensions
    let fits =
      found.count == expected.count
      && zip(found, expected).allSatisfy { extent, wanted in
        if case .fixed(let value) = wanted { extent == value } else { true }
      }
    guard fits else {
      findings.append(
        Finding(
          .shapeMismatch, tensor: tensor.name, expected: description(expected, extents),
          found: tensor.shape.description, hint: shapeHint(found, expected)))
      return
    }
    for (extent, wanted) in zip(found, expected) {
      guard case .named(let name) = wanted else { continue }
      if let known = extents[name] {
        if known.extent != extent {
          findings.append(
            Finding(
              .dimensionMismatch, tensor: tensor.name,
              expected: "\(name) = \(known.extent), as in \(known.from)", found: "\(extent)"))
        }
      } else {
        extents[name] = (extent, tensor.name.text)
      }
    }
  }

  private func description(
    _ shape: [SchemaEntry.Extent], _ extents: [String: (extent: Int, from: String)]
  ) -> String {
    let parts = shape.map { extent in
      switch extent {
      case .fixed(let value): String(value)
      case .named(let name): extents[name].map { "\(name) = \($0.extent)" } ?? name
      case .any: "any"
      }
    }
    return parts.count == 1 ? "(\(parts[0]),)" : "(\(parts.joined(separator: ", ")))"
  }

  private func shapeHint(_ found: [Int], _ expected: [SchemaEntry.Extent]) -> String? {
    let fixed = expected.compactMap { if case .fixed(let value) = $0 { value } else { nil } }
    guard fixed.count == expected.count else { return nil }
    if found.count == fixed.count, found.sorted() == fixed.sorted() {
      return found == [2, 3, 1, 0].compactMap({ fixed.count == 4 ? fixed[$0] : nil })
        ? "looks like the Flax layout: convert it first" : "looks transposed"
    }
    if found.reduce(1, *) == fixed.reduce(1, *) { return "as many elements: looks reshaped" }
    return nil
  }

  private mutating func checkDtypes(except aliases: Set<TensorName>) {
    for case .tensor(let tensor) in entries where !aliases.contains(tensor.name) {
      guard let dtypes = schema.constraints(for: tensor.name).dtypes,
        !dtypes.contains(tensor.dtype)
      else { continue }
      findings.append(
        Finding(
          .dtypeMismatch, tensor: tensor.name,
          expected: dtypes.map(\.name).joined(separator: " or "), found: tensor.dtype.name,
          hint: "convert --dtype casts"))
    }
  }
}
