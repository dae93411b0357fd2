import ArgumentParser
import CheckpointCore
import CheckpointParts

/// A command whose work can be divided among processes and machines, and merged again.
protocol DivisibleCommand: ParsableCommand {
  var division: DivisionOptions { get }

  /// Does the work and prints what came of it; of one part, does the work alone.
  func run(_ work: any DividedWork) throws
}

extension DivisibleCommand {
  func run() throws {
    guard let part = division.part else { return try run(WholeWork()) }
    let work = PartWork(part)
    try run(work)
    let document = work.document(
      arguments: DivisionOptions.undivided(CommandLine.arguments.dropFirst()),
      toolVersion: toolVersion)
    try Console.output(document.text)
    // The document says it too: what is merged fails as an undivided run would.
    if let failure = work.failure { throw failure }
  }
}

/// Whether all of a command's work is to be done, or which part.
struct DivisionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Do part I of N, balanced by bytes, and print a JSON document of what it found: "
        + "'savi-ckpt merge' makes the command's result of all N.", valueName: "i/n"),
    transform: { text in
      guard let part = Part(text) else {
        throw ValidationError("it is I/N, with I from 1 to N.")
      }
      return part
    })
  var part: Part?

  /// A command line without what says how to divide and in which form to print: all parts of one run, and
  /// nothing else, have the same.
  static func undivided(_ arguments: some Sequence<String>) -> [String] {
    var result: [String] = []
    var iterator = arguments.makeIterator()
    while let argument = iterator.next() {
      switch argument {
      case "--part": _ = iterator.next()
      case "--json": break
      case "--":
        result.append(argument)
        while let rest = iterator.next() { result.append(rest) }
      default: if !argument.hasPrefix("--part=") { result.append(argument) }
      }
    }
    return result
  }
}
