#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Folders.
package enum Folder {
  /// Makes the folder `path`, unless there is one; its own folder must exist.
  package static func create(_ path: String) throws(FileSystemError) {
    guard unsafe mkdir(path, 0o777) != 0 else { return }
    let code = errno
    guard code == EEXIST, exists(path) else {
      throw FileSystemError(action: "create", path: path, code: code)
    }
  }

  /// Whether `path` is a folder.
  package static func exists(_ path: String) -> Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether what is at `path` is a symbolic link.
  package static func isLink(_ path: String) throws(FileSystemError) -> Bool {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { throw .last("inspect", path) }
    return status.st_mode & S_IFMT == S_IFLNK
  }

  /// The absolute path of what is at `path`, without symbolic links.
  package static func resolved(_ path: String) throws(FileSystemError) -> String {
    guard let real = unsafe realpath(path, nil) else { throw .last("open", path) }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }

  /// The names in the folder `path`, in no order.
  package static func contents(_ path: String) throws(FileSystemError) -> [String] {
    guard let folder = unsafe opendir(path) else { throw .last("open", path) }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while let entry = unsafe readdir(folder) {
      // The name is a C string within the entry.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// The files in the folder `path` and in its folders, by their relative paths, in no order. Links to
  /// files are files; links to folders, which may lead back up, are left out.
  package static func files(below path: String) throws(FileSystemError) -> [String] {
    var result: [String] = []
    var waiting = [""]
    while let folder = waiting.popLast() {
      for name in try contents(path + "/" + folder) {
        let inner = folder.isEmpty ? name : "\(folder)/\(name)"
        if !exists("\(path)/\(inner)") {
          result.append(inner)
        } else if try !isLink("\(path)/\(inner)") {
          waiting.append(inner)
        }
      }
    }
    return result
  }

  /// What is in a folder.
  package struct Item: Sendable {
    package enum Kind: Sendable, Equatable {
      case folder
      /// A regular file of so many bytes.
      case file(Int)
      /// A symbolic link.
      case link
      /// A pipe, a device.
      case other
    }
    package let name: String
    package let kind: Kind
  }

  /// The items in the folder `path`, in no order. Links are not followed.
  package static func items(_ path: String) throws(FileSystemError) -> [Item] {
    var items: [Item] = []
    for name in try contents(path) {
      var status = stat()
      guard unsafe lstat("\(path)/\(name)", &status) == 0 else {
        throw .last("inspect", "\(path)/\(name)")
      }
      switch status.st_mode & S_IFMT {
      case S_IFDIR: items.append(Item(name: name, kind: .folder))
      case S_IFREG: items.append(Item(name: name, kind: .file(Int(status.st_size))))
      case S_IFLNK: items.append(Item(name: name, kind: .link))
      default: items.append(Item(name: name, kind: .other))
      }
    }
    return items
  }
}
