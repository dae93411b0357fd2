import Bytes
import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import CheckpointMapping

/// Replays the conversion that a certificate records: both files are what they were, the source
/// still becomes the target, and the target the source.
public struct CertificateReplay: Sendable {
  /// One thing that the certificate says.
  public struct Check: Sendable {
    /// What is said.
    public let claim: String
    /// What does not hold; empty where it does.
    public let problems: [String]
    /// Why it could not be checked.
    public let skipped: String?
  }

  package let certificate: Certificate
  /// In the order in which they were made.
  public let checks: [Check]

  /// Whether everything that could be checked is as the certificate says.
  public var holds: Bool { checks.allSatisfy(\.problems.isEmpty) }

  /// Replays the certificate at `path`.
  ///
  /// - Parameters:
  ///   - files: the source and the target, where they are not where the certificate says.
  ///   - map: the model document, where it is not the recorded one.
  /// - Throws: `CheckpointError` where a file cannot be read whole, or the recorded mapping does not
  ///   fit the source.
  public init(_ path: String, files: [String] = [], map: String? = nil) throws {
    let certificate = try Certificate(path: path)
    let places =
      files.isEmpty
      ? [certificate.source.file, certificate.target.file].map { Self.resolve($0, beside: path) }
      : files
    let source = try certificate.selection.open(places[0])
    let target = try Checkpoint(
      path: places[1], options: ReadOptions(readingBack: certificate.target.dtypes))
    var recipe = ConversionRecipe(
      mapping: .formatAlone, dtype: try certificate.dtype.map(Self.dtype))
    if let way = certificate.direction, let recorded = map ?? certificate.map {
      let name =
        map == nil && !BuiltInModels.names.contains(recorded)
        ? Self.resolve(recorded, beside: path) : recorded
      let document = try ModelDocument.load(name)
      guard let direction = document.direction(named: way) else {
        throw CheckpointError("the mapping \(document.name) leads nowhere called '\(way)'")
      }
      recipe.direction = document.oriented(direction)
      recipe.template = certificate.template.map { Self.resolve($0, beside: path) }
      // The conversion was made: its questions are answered.
      recipe.acceptsOpenQuestions = true
      recipe.mapping = .named(name)
    }
    let again = try Conversion(of: source, by: recipe)
    var back = recipe
    back.direction = recipe.direction.reversed
    back.dtype = nil
    self.certificate = certificate
    checks = [
      Self.compare(
        "the source has the recorded hashes", try source.hash(of: again.sources),
        certificate.source),
      Self.compare(
        "the target has the recorded hashes", try target.hash(of: target.readableTensors()),
        certificate.target),
      try Self.forward(again.outputs, certificate),
      Self.origins(again, certificate),
      try Self.inverse(certificate) { [back] in try Conversion(of: target, by: back).outputs },
    ]
  }

  private static func dtype(_ name: String) throws -> DType {
    guard let dtype = DType(rawValue: name) else {
      throw CheckpointError("the certificate's dtype '\(name)' is not known")
    }
    return dtype
  }

  /// A relative path as it was given, or else beside the certificate.
  private static func resolve(_ path: String, beside certificate: String) -> String {
    guard !path.hasPrefix("/"), (try? RandomAccessFile(path: path)) == nil,
      let slash = certificate.lastIndex(of: "/")
    else { return path }
    return certificate[...slash] + path
  }

  /// The conversion made again gives the target's recorded hashes.
  private static func forward(
    _ outputs: [OutputTensor], _ certificate: Certificate
  ) throws -> Check {
    // Formats without shared storage may leave second names out.
    let recorded = Set(certificate.target.tensors.map(\.name))
    let written = outputs.filter { $0.aliasOf == nil || recorded.contains($0.name) }
    return compare(
      "converting the source gives the target",
      try CheckpointHash(written, threads: Machine.processorCount), certificate.target)
  }

  /// Every tensor is made by the recorded rule, in the recorded role, from the recorded sources.
  private static func origins(_ again: Conversion, _ certificate: Certificate) -> Check {
    let now = Dictionary(
      again.origins.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let recorded = Set(certificate.origins.map(\.name))
    var problems = again.origins.map(\.name).filter { !recorded.contains($0) }.map {
      "\($0): the certificate does not say how it was made"
    }
    problems += certificate.origins.compactMap { origin -> String? in
      guard let step = now[origin.name] else { return "\(origin.name): no rule makes it now" }
      guard step.rule == origin.rule, step.sources == origin.sources,
        step.aliasOf == origin.aliasOf
      else { return "\(origin.name): another rule makes it now" }
      return step.role == origin.role
        ? nil : "\(origin.name): its role is \(step.role) now, \(origin.role) then"
    }
    return Check(
      claim: "every tensor has its recorded rule and role", problems: problems, skipped: nil)
  }

  /// The target converted back gives the source's recorded hashes.
  private static func inverse(
    _ certificate: Certificate, _ outputs: () throws -> [OutputTensor]
  ) throws -> Check {
    let claim = "converting the target back gives the source"
    do {
      let recorded = Dictionary(
        certificate.source.tensors.map { ($0.name, DType(rawValue: $0.dtype)) },
        uniquingKeysWith: { first, _ in first })
      // A cast is undone where nothing was rounded.
      let back = try outputs().filter { $0.aliasOf == nil || recorded[$0.name] != nil }.map {
        output in
        recorded[output.name].flatMap(\.self).map { output.cast(to: $0) { _ in } } ?? output
      }
      let check = compare(
        claim, try CheckpointHash(back, threads: Machine.processorCount), certificate.source)
      guard let dtype = certificate.dtype, !check.problems.isEmpty else { return check }
      return Check(
        claim: claim, problems: [],
        skipped: "the conversion rounded to \(dtype), which cannot be undone")
    } catch let error as CheckpointError {
      return Check(claim: claim, problems: [error.description], skipped: nil)
    }
  }

  private static func compare(
    _ claim: String, _ hash: CheckpointHash, _ recorded: Certificate.Side
  ) -> Check {
    let found = Dictionary(
      hash.side("").tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let expected = Set(recorded.tensors.map(\.name))
    var problems = recorded.tensors.compactMap { digest -> String? in
      guard let tensor = found[digest.name] else { return "\(digest.name) is missing" }
      return tensor == digest ? nil : "\(digest.name) has another dtype, shape or elements"
    }
    problems += found.keys.filter { !expected.contains($0) }.sorted().map { "\($0) is new" }
    if problems.isEmpty, hash.root != recorded.root {
      problems.append("the hash of the whole is \(hash.root), \(recorded.root) recorded")
    }
    return Check(claim: claim, problems: problems, skipped: nil)
  }
}
