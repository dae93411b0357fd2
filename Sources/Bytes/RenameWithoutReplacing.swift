internal import CPlatform

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Giving a finished file a name that nothing has yet: a plain rename would replace what has it.
///
/// Not every file system can do that in one step, so there are three ways, the best first.
enum RenameWithoutReplacing: CaseIterable {
  /// `renameat2` with RENAME_NOREPLACE. NFS and some FUSE file systems lack it.
  case rename
  /// A second name, then the first taken away. exFAT, SMB and others have no hard links.
  case link
  /// An empty file holds the name until the finished one replaces it; where the process is killed in
  /// between, the next run of the same output takes both away.
  case reserve

  /// Gives the file at `from` the name `to`, in whichever way the file system can.
  ///
  /// - Returns: zero, or the value of `errno`; `EEXIST` where something has the name.
  static func move(_ from: String, to: String) -> CInt {
    var code: CInt = 0
    for way in allCases {
      code = way.move(from, to: to)
      guard Self.meansUnsupported(code) else { break }
    }
    return code
  }

  /// The codes by which file systems say that they cannot do a thing at all.
  private static func meansUnsupported(_ code: CInt) -> Bool {
    [EINVAL, ENOSYS, EOPNOTSUPP, ENOTSUP, EPERM, EMLINK, EXDEV].contains(code)
  }

  func move(_ from: String, to: String) -> CInt {
    switch self {
    case .rename:
      return unsafe savi_rename_noreplace(from, to) == 0 ? 0 : errno
    case .link:
      guard Self.hardLink(from, to) == 0 else { return errno }
      unsafe unlink(from)
      return 0
    case .reserve:
      let descriptor = unsafe open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { return errno }
      close(descriptor)
      guard Self.plainRename(from, to) == 0 else {
        let code = errno
        unsafe unlink(to)
        return code
      }
      return 0
    }
  }

  // Within the enumeration these names mean its cases.
  private static func hardLink(_ from: String, _ to: String) -> CInt {
    #if canImport(Glibc)
      unsafe Glibc.link(from, to)
    #else
      unsafe Darwin.link(from, to)
    #endif
  }

  private static func plainRename(_ from: String, _ to: String) -> CInt {
    #if canImport(Glibc)
      unsafe Glibc.rename(from, to)
    #else
      unsafe Darwin.rename(from, to)
    #endif
  }
}
