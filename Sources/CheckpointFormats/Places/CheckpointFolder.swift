import Bytes
import CheckpointCore
import Synchronization

/// A folder that holds a checkpoint, and the only way in which its readers reach what lies in it.
///
/// A checkpoint names its files by relative paths, which are a stranger's. One that is absolute, that
/// climbs (`..`), or that leads out of the folder through a symbolic link is refused.
///
/// The last few files that were asked for are kept, so that many small values in one file take one
/// look at its path.
final class CheckpointFolder: Sendable {
  /// The path as the user gave it; empty for the working directory.
  let path: String
  /// Resolved paths, within one of which everything must be.
  private let bounds: [String]
  private let recent = Mutex<[(name: TensorName, file: RandomAccessFile)]>([])

  /// A store has its values in few files at a time.
  private static let recentFiles = 64

  /// - Throws: `FileSystemError` where there is no such folder.
  convenience init(path: String) throws {
    let name = path.isEmpty ? "." : path
    let root = try Folder.resolved(name)
    self.init(path, bounds: [root] + Self.hubBlobs(root))
  }

  /// The folder in which the file `path` lies.
  convenience init(of file: String) throws {
    try self.init(path: file.lastIndex(of: "/").map { String(file[...$0]) } ?? "")
  }

  private init(_ path: String, bounds: [String]) {
    var name = Substring(path)
    while name.count > 1, name.hasSuffix("/") { name.removeLast() }
    self.path = String(name)
    self.bounds = bounds
  }

  /// A snapshot of Hugging Face's cache holds links to the repository's files, which lie beside it:
  /// `models--ORG--NAME/snapshots/REVISION` and `models--ORG--NAME/blobs`.
  private static func hubBlobs(_ root: String) -> [String] {
    let parts = root.split(separator: "/")
    guard let snapshots = parts.lastIndex(of: "snapshots"), snapshots > 0 else { return [] }
    let blobs = "/" + parts[..<snapshots].joined(separator: "/") + "/blobs"
    return (try? Folder.resolved(blobs)).map { [$0] } ?? []
  }

  /// The name of `relative` for people and for the system.
  func path(of relative: String) -> String {
    path.isEmpty || relative.isEmpty
      ? path + relative : path == "/" ? path + relative : "\(path)/\(relative)"
  }

  /// The file at `relative`, opened.
  ///
  /// - Throws: `CheckpointError`, naming the file, where it is not in the folder, is no file or was not
  ///   fetched.
  func file(_ relative: String) throws -> RandomAccessFile {
    let name = TensorName(relative)
    if let open = recent.withLock({ recent in
      recent.first { $0.name == name }?.file
    }) {
      return open
    }
    try checkWithin(relative)
    do {
      let file = try RandomAccessFile(path: path(of: relative))
      try GitLFSPointer.refuse(file)
      recent.withLock { recent in
        if recent.count == Self.recentFiles { recent.removeFirst() }
        recent.append((name, file))
      }
      return file
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    }
  }

  /// The folder at `relative`, within the same bounds.
  func folder(_ relative: String) throws -> CheckpointFolder {
    try checkWithin(relative)
    return CheckpointFolder(path(of: relative), bounds: bounds)
  }

  /// Whether anything is at `relative`, even a link that leads out of the folder.
  func isPresent(_ relative: String) -> Bool { (try? Folder.resolved(path(of: relative))) != nil }

  /// Whether a file or a folder is at `relative`, within the folder.
  func contains(_ relative: String) -> Bool { (try? checkWithin(relative)) != nil }

  /// Whether a folder is at `relative`, within the folder.
  func containsFolder(_ relative: String) -> Bool {
    contains(relative) && Folder.exists(path(of: relative))
  }

  /// The names of what is in the folder, in the order of their bytes.
  func names() throws -> [String] {
    do {
      return try Folder.contents(path.isEmpty ? "." : path).map { TensorName($0) }.sorted()
        .map(\.text)
    } catch {
      throw CheckpointError(error)
    }
  }

  /// What is in the folder at `relative`, in no order; `""` is this folder itself. Links among it are
  /// not followed.
  func items(_ relative: String) throws -> [Folder.Item] {
    if !relative.isEmpty { try checkWithin(relative) }
    do {
      let path = path(of: relative)
      return try Folder.items(path.isEmpty ? "." : path)
    } catch {
      throw CheckpointError(error)
    }
  }

  /// - Throws: `CheckpointError` unless something is at `relative`, and lies in the folder.
  private func checkWithin(_ relative: String) throws {
    let parts = TensorName(relative).parts(separator: "/")
    guard !relative.utf8.contains(0), parts.allSatisfy({ !["", ".", ".."].contains($0) }) else {
      throw leadsOutside(relative)
    }
    do {
      let place = TensorName(try Folder.resolved(path(of: relative)))
      guard bounds.contains(where: { place.hasPrefix($0 == "/" ? "/" : "\($0)/") }) else {
        throw leadsOutside(relative)
      }
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    }
  }

  private func leadsOutside(_ relative: String) -> CheckpointError {
    CheckpointError(
      file: path.isEmpty ? "." : path, entry: relative.isEmpty ? "\"\"" : relative,
      "this path of a file of the checkpoint leads out of its folder",
      advice: "a checkpoint's files must lie in its folder: put them there, or fetch it again")
  }
}
