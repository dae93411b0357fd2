import ArgumentParser
import Bytes
import CheckpointConversion
import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import CheckpointMapping
import CheckpointParts

struct ConvertCommand: DivisibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Convert Flax parameters to PyTorch ones, or back: names, layouts and format.",
    discussion: """
      A conversion is total: every source tensor is consumed once and every target produced once, \
      or nothing is written. Without --map the model is the one whose mapping fits.
      """)

  @Argument(help: "The checkpoint to convert.", completion: .file())
  var input: String

  @Option(name: .shortAndLong, help: "The file to write.", completion: .file())
  var output: String

  @Option(
    help: ArgumentHelp(
      "A built-in model, a model document, or 'none' to change the format alone.",
      valueName: "name|file|none"))
  var map: String?

  @Flag(help: "From PyTorch to Flax.")
  var reverse = false

  @Option(
    help: ArgumentHelp(
      "A file of the target's side, for the tensors that no source makes.", valueName: "file"),
    completion: .file())
  var template: String?

  @Flag(help: "Go on with the drafted answers to a mapping's open questions.")
  var acceptUnconfirmed = false

  @Option(help: "The format to write; by default the one OUT's extension stands for.")
  var to: FormatName?

  @Option(help: "Cast floating-point tensors: float16, bfloat16, float32 or float64.")
  var dtype: DType?

  @Option(help: ArgumentHelp("Compress HDF5 output, at a level from 1 to 9.", valueName: "level"))
  var gzip: Int?

  @Option(
    help: ArgumentHelp(
      "Split safetensors output into files of at most this size, such as 500MB or 2GiB.",
      valueName: "size"))
  var maxShardSize: ByteSize?

  @Option(
    help: ArgumentHelp(
      "Record the hashes of both sides and the rule behind every tensor, for 'verify'.",
      valueName: "json"),
    completion: .file())
  var certificate: String?

  @Flag(name: [.customShort("n"), .long], help: "Print what would be done and write nothing.")
  var dryRun = false

  @Flag(help: "Replace the output file if it exists.")
  var force = false

  @OptionGroup var selection: InputOptions
  @OptionGroup var division: DivisionOptions
  @OptionGroup var report: ReportOptions

  func validate() throws {
    if division.part != nil {
      guard maxShardSize != nil else {
        throw ValidationError("--part writes shards: give their size with --max-shard-size.")
      }
      guard !dryRun, certificate == nil else {
        throw ValidationError(
          "--part goes with neither --dry-run nor --certificate, which are about the whole.")
      }
    }
    if let dtype, !ElementCast.targets.contains(dtype) {
      throw ValidationError("--dtype takes float16, bfloat16, float32 or float64.")
    }
    if let gzip, !(1...9).contains(gzip) {
      throw ValidationError("--gzip takes a level from 1 to 9.")
    }
  }

  func run(_ work: any DividedWork) throws {
    let writer = try chooseWriter()
    let recipe = try recipe()
    if case .named(let name) = recipe.mapping { work.readsModel(name) }
    let source = try selection.open(input, report, by: work)
    let template = try template.map {
      try work.checkpoint(at: $0, ReadOptions(), EntrySelection())
    }
    let conversion = try Conversion(
      of: source, by: recipe, template: template, comparesPairs: !work.isMerge)
    if work.part != nil || work.isMerge { return try convertInParts(conversion, work) }
    if dryRun {
      let notes = try inFile(input) {
        try CheckpointWriters.prepare(conversion.outputs, conversion.values, for: writer)
      }
      return try Console.output(
        report.json
          ? conversion.json(to: writer.format, notes + conversion.notes).serialized(pretty: true)
          : conversion.table().plain().joined(separator: "\n"))
    }
    if let certificate {
      try OutputPlace.checkDistinct(
        certificate, from: [input, output], option: "--certificate")
    }
    let record = try certificate.map { try AtomicFile(path: $0, overwrite: force) }
    let (path, notes) = try conversion.write(certificate: record) {
      try stage(conversion, writer)
    }
    try tell(conversion, writer.format, writtenTo: path, notes)
  }

  /// Writes one part's shards, or the index of what the parts wrote.
  private func convertInParts(_ conversion: Conversion, _ work: any DividedWork) throws {
    guard let maxShardSize else {
      throw CheckpointError("a conversion into one file has no parts to be merged")
    }
    let pass = try inFile(input) {
      try withProgress(of: conversion, work) {
        let pass = try ShardPass(
          conversion, to: output, limit: maxShardSize.bytes, overwrite: force, work: $0)
        if !work.isMerge { try pass.checkIndex() }
        if let outcomes = try work.outcomes(of: pass) {
          try pass.commitIndex(outcomes, allowingCopies: work.allowsCopies)
        } else {
          try pass.commitShards()
        }
        return pass
      }
    }
    guard work.isMerge else { return }
    try tell(
      conversion, .safetensors, writtenTo: pass.path, conversion.notes(beside: pass.notes))
  }

  /// Says what was written.
  private func tell(
    _ conversion: Conversion, _ format: FormatName, writtenTo path: String, _ notes: [String]
  ) throws {
    for note in notes { report.note(note) }
    if report.json {
      try Console.output(conversion.json(to: format, notes).serialized(pretty: true))
    } else if !report.quiet {
      Console.error("\(printable(path)): \(conversion.summary)")
    }
  }

  private func stage(
    _ conversion: Conversion, _ writer: any CheckpointWriter
  ) throws -> StagedCheckpoint {
    try withProgress(of: conversion) { work in
      guard let maxShardSize else {
        return try CheckpointWriters.stage(
          conversion.outputs, conversion.values, to: output, as: writer, overwrite: force,
          work: work)
      }
      return try CheckpointWriters.stageShards(
        conversion.outputs, conversion.values, to: output, limit: maxShardSize.bytes,
        overwrite: force, work: work)
    }
  }

  /// Runs `body`, which writes the conversion's output, with a progress line.
  private func withProgress<R>(
    of conversion: Conversion, _ work: any DividedWork = WholeWork(),
    _ body: (WorkLimits) throws -> R
  ) rethrows -> R {
    let own = conversion.outputs.filter { $0.aliasOf == nil }
    let shares = work.part?.count ?? 1
    let progress = Progress(
      totalBytes: own.reduce(0) { $0 + $1.byteCount } / shares, totalTensors: own.count / shares)
    let line = ProgressLine(progress, isQuiet: report.quiet)
    defer { line.finish() }
    return try body(
      WorkLimits.forTensors(
        largest: conversion.outputs.map(\.byteCount).max() ?? 0, progress: progress))
  }

  private func recipe() throws -> ConversionRecipe {
    let direction: ConversionDirection = reverse ? .reverse : .forward
    guard map == "none" else {
      return ConversionRecipe(
        mapping: map.map { .named($0) } ?? .fitting, direction: direction, dtype: dtype,
        template: template, acceptsOpenQuestions: acceptUnconfirmed)
    }
    guard !reverse else {
      throw CheckpointError(
        kind: .usage, "--reverse reverses a mapping; --map none has none",
        advice: "leave out one of the two")
    }
    return ConversionRecipe(mapping: .formatAlone, dtype: dtype)
  }

  private func chooseWriter() throws -> any CheckpointWriter {
    let names = CheckpointWriters.formats.map(\.rawValue).joined(separator: ", ")
    guard let format = to ?? CheckpointWriters.format(forPath: output) else {
      throw CheckpointError(
        kind: .usage, file: output, "this name's extension stands for no format",
        advice: "name one with --to: \(names)")
    }
    guard maxShardSize == nil || format == .safetensors else {
      throw CheckpointError(
        kind: .usage, "only safetensors output can be split into shards",
        advice: "leave out --max-shard-size, or write safetensors")
    }
    guard let writer = try CheckpointWriters.writer(for: format, compression: gzip) else {
      throw CheckpointError(
        kind: .usage, file: output, "\(format.rawValue) files are read but not written",
        advice: "choose one of \(names) with --to")
    }
    return writer
  }
}
