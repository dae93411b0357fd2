package import CheckpointCore
package import CheckpointFormats
import CheckpointInspection

/// The work as its parts did it: nothing is read but what they found.
package final class MergedWork: DividedWork {
  private let parts: MergedParts
  private var place = PassPlace()
  private var nextPlaces = 0

  package init(_ parts: MergedParts) { self.parts = parts }

  package var isMerge: Bool { true }
  package var allowsCopies: Bool { parts.allowsCopies }

  package func checkpoint(
    at path: String, _ options: ReadOptions, _ selection: EntrySelection
  ) throws -> Checkpoint {
    guard place.openings < parts.openings.count, parts.openings[place.openings].path == path
    else { throw Self.apart("the parts did not open \(path) here") }
    let opening = parts.openings[place.openings]
    place.open()
    let listing = try opening.result.get()
    return Checkpoint(
      path: listing.path,
      reader: RecordedReader(
        formatDescription: listing.formatDescription, format: listing.format,
        entries: listing.entries),
      options: options, selection: selection, entries: listing.entries, notes: listing.notes)
  }

  package func places(in path: String, _ options: ReadOptions) throws -> [String] {
    guard nextPlaces < parts.places.count, parts.places[nextPlaces].path == path else {
      throw Self.apart("the parts did not look at \(path) here")
    }
    nextPlaces += 1
    return parts.places[nextPlaces - 1].found
  }

  package func outcomes<Pass: ElementPass>(of pass: Pass) throws -> [Pass.Outcome]? {
    let items = pass.items
    guard let done = parts.passes[place], done.digest == digest(of: items) else {
      throw Self.apart("the parts did other work than is to be merged")
    }
    place.makePass()
    return try done.outcomes.map { result in
      try Pass.Outcome(record: DocumentNode(try result.get()))
    }
  }

  private static func apart(_ message: String) -> CheckpointError {
    CheckpointError(message, advice: "run the parts again with this version of savi-ckpt")
  }
}
