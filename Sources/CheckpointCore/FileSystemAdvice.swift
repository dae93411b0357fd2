import Bytes

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension FileSystemError {
  /// What a user can do about the failure, where that is known.
  var advice: String? {
    // A stream has no path, no permissions and no leftovers to speak of.
    guard !path.hasPrefix("standard ") else { return nil }
    return switch code {
    case ENOENT where action == "create": "create the folder first, or choose another output path"
    case ENOENT: "check the path"
    case EEXIST: "use --force to replace it, or choose another output path"
    case EACCES, EPERM, EROFS: "check the permissions of the file and its folder"
    case ENOSPC, EDQUOT: "free some space; nothing was left behind"
    case EISDIR: "name a file, not a folder"
    case ELOOP: "the link leads back to itself; see where it points with 'ls -l'"
    case EMFILE, ENFILE: "allow more open files with 'ulimit -n'"
    case EINVAL: "name a regular file, not a device or a pipe"
    default: nil
    }
  }
}
