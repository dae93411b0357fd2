public import CheckpointCore

/// The kinds of findings. Ids and names are stable: baselines and CI filters depend on them.
public enum FindingKind: String, Sendable, CaseIterable {
  case missingTensor = "W001"
  case unexpectedTensor = "W002"
  case countMismatch = "W003"
  case missingAlias = "W004"
  case aliasMismatch = "W005"
  case shapeMismatch = "W010"
  case dimensionMismatch = "W011"
  case dtypeMismatch = "W012"
  case unreadableEntry = "W013"
  case notANumber = "W020"
  case infinity = "W021"
  case constantMismatch = "W022"
  case meanOutOfBounds = "W023"
  case stdOutOfBounds = "W024"
  case absMaxOutOfBounds = "W025"
  case zeroFractionOutOfBounds = "W026"
  case allZeros = "W027"
  case constantTensor = "W028"
  case hashMismatch = "W030"
  case duplicateTensor = "W031"
  case notEqual = "W032"
  case looksTransposed = "W040"
  case otherLayout = "W041"
  case exchangedTensor = "W042"
  case unreadableFile = "W050"
  case nothingChecked = "W051"
  case expiredWaiver = "W060"
  case unusedWaiver = "W061"

  /// The stable id: W001.
  public var id: String { rawValue }

  /// Whether the finding says that something was not looked at, rather than what was found there.
  var isBadInput: Bool {
    self == .unreadableFile || self == .unreadableEntry || self == .nothingChecked
  }

  /// The stable name: missing-tensor.
  public var name: String { facts.name }
  /// How grave such a finding is.
  public var severity: Severity { facts.severity }
  /// One sentence for a rule catalogue.
  public var summary: String { facts.summary }

  private var facts: (name: String, severity: Severity, summary: String) {
    switch self {
    case .missingTensor: ("missing-tensor", .error, "A tensor that the schema requires is absent.")
    case .unexpectedTensor:
      ("unexpected-tensor", .error, "A tensor that no entry of a closed schema names.")
    case .countMismatch:
      ("count-mismatch", .error, "A pattern matches another number of tensors than it must.")
    case .missingAlias:
      ("missing-alias", .warning, "A second name is absent that strict loading asks for.")
    case .aliasMismatch:
      ("alias-mismatch", .error, "A second name holds other elements than the first.")
    case .shapeMismatch: ("shape-mismatch", .error, "A tensor has another shape.")
    case .dimensionMismatch:
      ("dimension-mismatch", .error, "A named dimension has different extents in two tensors.")
    case .dtypeMismatch: ("dtype-mismatch", .error, "A tensor has another dtype.")
    case .unreadableEntry:
      ("unreadable-entry", .error, "An entry holds data that is no tensor this tool can read.")
    case .notANumber: ("nan", .error, "A tensor holds NaN.")
    case .infinity: ("infinity", .error, "A tensor holds infinities.")
    case .constantMismatch:
      ("constant-mismatch", .error, "A tensor that must have one value throughout has others.")
    case .meanOutOfBounds: ("mean-out-of-bounds", .error, "A tensor's mean left its bounds.")
    case .stdOutOfBounds:
      ("std-out-of-bounds", .error, "A tensor's standard deviation left its bounds.")
    case .absMaxOutOfBounds:
      ("abs-max-out-of-bounds", .error, "A tensor's largest magnitude left its bounds.")
    case .zeroFractionOutOfBounds:
      ("zero-fraction-out-of-bounds", .error, "The part of a tensor that is zero left its bounds.")
    case .allZeros:
      ("all-zeros", .warning, "Every element is zero, and the schema does not say so.")
    case .constantTensor:
      ("constant-tensor", .warning, "Every element is the same, and the schema does not say so.")
    case .hashMismatch: ("hash-mismatch", .error, "A tensor's content is not the recorded one.")
    case .duplicateTensor:
      ("duplicate-tensor", .warning, "Two tensors of their own hold the same elements.")
    case .notEqual: ("not-equal", .error, "Two tensors that must be equal are not.")
    case .looksTransposed:
      ("looks-transposed", .warning, "The right shape, but the elements stand in another order.")
    case .otherLayout:
      ("other-layout", .error, "These are the other framework's names and layouts.")
    case .exchangedTensor:
      ("exchanged-tensor", .warning, "A tensor holds what belongs in another.")
    case .unreadableFile: ("unreadable-file", .error, "A file cannot be read, or is damaged.")
    case .nothingChecked: ("nothing-checked", .error, "Not one tensor was checked.")
    case .expiredWaiver: ("expired-waiver", .warning, "A waiver has passed its expiry date.")
    case .unusedWaiver: ("unused-waiver", .note, "A waiver matches no finding any more.")
    }
  }
}

/// How grave a finding is; an error fails a run.
public enum Severity: String, Sendable, CaseIterable, Comparable {
  case note, warning, error

  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  /// The less grave comes first.
  public static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }
}

/// Something about a file's weights that is not as the schema says.
public struct Finding: Sendable, Equatable {
  /// What kind of finding it is.
  public let kind: FindingKind
  /// `nil` where the finding is about the file as a whole.
  public let tensor: TensorName?
  /// What the schema asks for, where that can be said.
  public let expected: String?
  /// What is there instead.
  public let found: String?
  /// What may have happened, or what to do.
  public let hint: String?

  package init(
    _ kind: FindingKind, tensor: TensorName? = nil, expected: String? = nil, found: String? = nil,
    hint: String? = nil
  ) {
    self.kind = kind
    self.tensor = tensor
    self.expected = expected
    self.found = found
    self.hint = hint
  }

  /// How grave it is.
  public var severity: Severity { kind.severity }

  /// The order of reports: the gravest first, then by id, by name and by what they say: findings
  /// that are not equal have one order.
  static func precedes(_ a: Finding, _ b: Finding) -> Bool {
    if a.severity != b.severity { return a.severity > b.severity }
    if a.kind != b.kind { return a.kind.id < b.kind.id }
    // A finding about the file as a whole comes before those about its tensors.
    guard a.tensor == b.tensor else {
      guard let x = a.tensor, let y = b.tensor else { return a.tensor == nil }
      return x < y
    }
    return a.details.lexicographicallyPrecedes(b.details)
  }

  private var details: [TensorName] {
    [expected, found, hint].map { TensorName($0 ?? "") }
  }

  /// What is wrong, in one line without the tensor's name.
  public var message: String {
    let difference = [expected.map { "expected \($0)" }, found.map { "found \($0)" }]
      .compactMap(\.self).joined(separator: ", ")
    let text = difference.isEmpty ? kind.summary : difference
    return hint.map { "\(text) (\($0))" } ?? text
  }
}
