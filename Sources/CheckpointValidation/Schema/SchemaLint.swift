package import CheckpointCore
import CheckpointMapping

/// Finds what is odd about a schema that can be read: entries that say nothing, or contradict
/// another.
package enum SchemaLint {
  package struct Finding: Sendable {
    package let severity: Severity
    /// The entry's name.
    package let subject: String
    package let position: DocumentNode.Position?
    package let message: String
  }

  package static func findings(in schema: CheckpointSchema) throws -> [Finding] {
    var result: [Finding] = []
    var position: DocumentNode.Position?
    func report(_ severity: Severity, _ subject: String, _ message: String) {
      result.append(
        Finding(severity: severity, subject: subject, position: position, message: message))
    }
    var seen: [TensorName: Int] = [:]
    let expected = Set(try schema.expectedTensors().map(\.name))
    for (index, entry) in schema.entries.enumerated() {
      let name = entry.pattern.text
      position = entry.position
      for problem in impossibilities(entry) { report(.error, name, problem) }
      if let other = seen.updateValue(index, forKey: TensorName(name)) {
        report(.error, name, "entries \(other + 1) and \(index + 1) have the same name")
      }
      if let count = entry.count, entry.pattern.isExact, count.upperBound > 1 {
        report(.error, name, "one name cannot match \(count.lowerBound) tensors")
      }
      if entry.range == nil, entry.count == nil, !entry.pattern.isExact, schema.isClosed,
        entry.isRequired, schema.model == nil
      {
        report(
          .note, name,
          "any number of tensors may match; 'range' or 'count' says how many there must be")
      }
      if let zeros = entry.constraints.zeroFraction?.maximum, zeros >= 1,
        entry.constraints.zeroFraction?.minimum == nil
      {
        report(.warning, name, "a zero_fraction of at most \(zeros) admits everything")
      }
      if entry.constraints.constant != nil,
        entry.constraints.std != nil || entry.constraints.mean != nil
      {
        report(.warning, name, "a constant needs no bounds of its mean or std")
      }
      for other in [entry.aliasOf, entry.constraints.equals].compactMap(\.self)
      where !expected.contains(other) && schema.indices(for: other).isEmpty {
        report(.error, name, "it refers to \(other), which no entry names")
      }
    }
    result += try modelFindings(schema)
    return result
  }

  /// What no tensor can be.
  private static func impossibilities(_ entry: SchemaEntry) -> [String] {
    let asked = entry.constraints
    var result: [String] = []
    if let count = entry.count, count.upperBound < entry.names.count, entry.isRequired {
      result.append("\(entry.names.count) names cannot be \(count.upperBound) tensors")
    }
    if let constant = asked.constant, let bounds = asked.absMax,
      !bounds.contains(constant.magnitude)
    {
      result.append("the constant \(constant) is outside its abs_max")
    }
    if let maximum = asked.std?.maximum, maximum < 0 { result.append("no std is below zero") }
    if let maximum = asked.absMax?.maximum, maximum < 0 {
      result.append("no magnitude is below zero")
    }
    if let zeros = asked.zeroFraction, zeros.minimum ?? 0 > 1 || zeros.maximum ?? 0 < 0 {
      result.append("a zero_fraction is between 0 and 1")
    }
    if let shape = entry.shape, let centroid = asked.centroids?.first, centroid.count != shape.count
    {
      result.append("the centroid has \(centroid.count) axes, the shape \(shape.count)")
    }
    if let other = entry.aliasOf, other == TensorName(entry.pattern.text) {
      result.append("a name cannot be its own second name")
    }
    return result
  }

  /// Entries of a model's schema must be about the model's tensors.
  private static func modelFindings(_ schema: CheckpointSchema) throws -> [Finding] {
    guard let model = schema.model else { return [] }
    // Names that only an entry spells out are expected too, but not the model's.
    let tensors = Set(try schema.modelTensors().map(\.name))
    let used = Set(tensors.flatMap(schema.indices))
    return schema.entries.enumerated().filter { !used.contains($0.offset) }.map { _, entry in
      Finding(
        severity: .error, subject: entry.pattern.text, position: entry.position,
        message: "no tensor of \(model.name) has this name")
    }
  }
}
