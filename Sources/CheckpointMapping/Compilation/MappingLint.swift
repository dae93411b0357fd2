import CheckpointCore

/// Finds what is wrong with a mapping before any file is converted by it.
package enum MappingLint {
  package enum Severity: String, Sendable { case error, warning }

  package enum ID: String, Sendable, CaseIterable {
    /// Two rules make one tensor, or take one.
    case overlap
    /// A rule that does nothing.
    case dead
    /// A tensor of the model that no rule makes, or of a file that no rule takes.
    case missing
    /// A rule makes a tensor that the other side does not have.
    case unknownTarget = "unknown-target"
    /// A shape that the rule's layout cannot have, or that the other side does not have.
    case shape
    /// The way back loses something, or rounds.
    case notInvertible = "not-invertible"
    /// A dense layer whose input may be a flattened image.
    case flatten
    /// A square kernel whose layout is not that of its siblings.
    case siblings
    /// The numbers are the right ones, in another order than the layout gives.
    case layout
    /// The numbers are those of other sources.
    case source
  }

  package struct Finding: Sendable {
    package let severity: Severity
    /// What kind of mistake it is: the ids are a contract, listed in docs/mapping.md.
    package let id: ID
    /// The rule or tensor it concerns.
    package let subject: String
    package let message: String

    init(severity: Severity, id: ID, subject: String, message: String) {
      self.severity = severity
      self.id = id
      self.subject = subject
      self.message = message
    }
  }

  package static func findings(in model: ModelDocument) throws -> [Finding] {
    try compile(model, against: nil).findings
  }

  /// - Parameter file: the names that tell the numbers of families; `nil` leaves such rules open.
  static func compile(
    _ model: ModelDocument, against file: FileNames?
  ) throws -> (mapping: CompiledMapping, findings: [Finding], missing: [TensorName]) {
    var compiler = MappingCompiler(model: model, file: file)
    try compiler.compile()
    return (compiler.mapping, compiler.findings, compiler.gaps.missing)
  }
}
