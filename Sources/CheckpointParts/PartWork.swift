import Bytes
package import CheckpointCore
package import CheckpointFormats
import CheckpointInspection

/// One part of the work, and the record of what it found.
package final class PartWork: DividedWork {
  private let ownPart: Part
  private var division: PartDivision
  private var place = PassPlace()
  private var openings: [PartDocument.Opening] = []
  private var knownPlaces: [PartDocument.Places] = []
  private var sources: [PartDocument.Source] = []
  private var passes: [PartDocument.Pass] = []

  /// The first problem that this part met in its items.
  package private(set) var failure: CheckpointError?

  package init(_ part: Part) {
    ownPart = part
    division = PartDivision(count: part.count)
  }

  package var part: Part? { ownPart }

  package func checkpoint(
    at path: String, _ options: ReadOptions, _ selection: EntrySelection
  ) throws -> Checkpoint {
    place.open()
    do {
      let checkpoint = try Checkpoint(path: path, options: options, selection: selection)
      openings.append(
        PartDocument.Opening(path: path, result: .success(try listing(checkpoint))))
      return checkpoint
    } catch let error as CheckpointError {
      openings.append(PartDocument.Opening(path: path, result: .failure(error)))
      throw error
    }
  }

  private func listing(_ checkpoint: Checkpoint) throws -> PartDocument.Listing {
    let entries = checkpoint.entries
    let own = ownPart.share(of: entries.count)
    let files = [checkpoint.path] + checkpoint.reader.companions
    do {
      return PartDocument.Listing(
        path: checkpoint.path, format: checkpoint.reader.format,
        formatDescription: checkpoint.reader.formatDescription, notes: checkpoint.notes,
        files: files, identity: try FileIdentity(of: files),
        count: entries.count, digest: digest(of: entries), first: own.lowerBound,
        entries: Array(entries[own]))
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    }
  }

  package func places(in path: String, _ options: ReadOptions) throws -> [String] {
    let found = try Checkpoint.places(in: path, options: options)
    knownPlaces.append(PartDocument.Places(path: path, found: found))
    return found
  }

  package func reads(_ path: String) {
    // Whoever cannot read it says so.
    guard let digest = try? documentDigest(path) else { return }
    sources.append(PartDocument.Source(path: path, sha256: digest))
  }

  package func outcomes<Pass: ElementPass>(of pass: Pass) throws -> [Pass.Outcome]? {
    let items = pass.items
    let parts = division.divide(items.map(\.byteCount))
    let own = items.indices.filter { parts[$0] == ownPart.number - 1 }
    let results = try parallelMap(own.count, threads: pass.threads) {
      number -> Result<Pass.Outcome, CheckpointError> in
      do {
        return .success(try pass.outcome(of: own[number]))
      } catch let error as CheckpointError {
        return .failure(error)
      }
    }
    passes.append(
      PartDocument.Pass(
        place: place, count: items.count, digest: digest(of: items),
        outcomes: zip(own, results).map { ($0, $1.map(\.record)) }))
    place.makePass()
    for case .failure(let error) in results where failure == nil { failure = error }
    return nil
  }

  /// - Parameter arguments: the command line without what says how to divide and how to print.
  package func document(arguments: [String], toolVersion: String) -> PartDocument {
    PartDocument(
      part: ownPart, toolVersion: toolVersion, arguments: arguments, openings: openings,
      places: knownPlaces, sources: sources, passes: passes)
  }
}
