#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Folders.
public enum Folder {
  /// Makes the folder `path`, unless there is one; its own folder must exist.
  public static func create(_ path: String) throws(FileSystemError) {
    guard unsafe mkdir(path, 0o777) != 0 else { return }
    let code = errno
    var status = stat()
    let isFolder = unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    guard code == EEXIST, isFolder else {
      throw FileSystemError(action: "create", path: path, code: code)
    }
  }
}
