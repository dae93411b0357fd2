import CheckpointCore

/// Finds what is wrong with a mapping before any file is converted by it.
public enum MappingLint {
  public enum Severity: String, Sendable { case error, warning }

  public struct Finding: Sendable {
    public let severity: Severity
    /// The rule or tensor it concerns.
    public let subject: String
    public let message: String

    init(severity: Severity, subject: String, message: String) {
      self.severity = severity
      self.subject = subject
      self.message = message
    }
  }

  public static func findings(in model: ModelDocument) throws -> [Finding] {
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
