import CheckpointMapping

/// Finds what is odd about a schema that can be read: entries that say nothing, or contradict
/// another.
public enum SchemaLint {
  public struct Finding: Sendable {
    public let severity: Severity
    /// The entry's name.
    public let subject: String
    public let message: String
  }

  public static func findings(in schema: CheckpointSchema) throws -> [Finding] {
    var result: [Finding] = []
    func report(_ severity: Severity, _ subject: String, _ message: String) {
      result.append(Finding(severity: severity, subject: subject, message: message))
    }
    var seen: [String: Int] = [:]
    for (index, entry) in schema.entries.enumerated() {
      let name = entry.pattern.text
      if let other = seen.updateValue(index, forKey: name) {
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
      where !schema.speaks(of: other) {
        report(.error, name, "it refers to \(other), which no entry names")
      }
    }
    result += try modelFindings(schema)
    return result
  }

  /// Entries of a model's schema must be about the model's tensors.
  private static func modelFindings(_ schema: CheckpointSchema) throws -> [Finding] {
    guard let model = schema.model else { return [] }
    let names = try schema.expectedTensors().map(\.name)
    return schema.entries.filter { entry in !names.contains(where: entry.covers) }.map {
      Finding(
        severity: .error, subject: $0.pattern.text,
        message: "no tensor of \(model.name) has this name")
    }
  }
}

extension CheckpointSchema {
  fileprivate func speaks(of name: String) -> Bool {
    entries.contains { $0.covers(name) }
      || ((try? expectedTensors())?.contains { $0.name == name } ?? false)
  }
}
