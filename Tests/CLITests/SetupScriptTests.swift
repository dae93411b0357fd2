import Foundation
import TestSupport
import Testing

@Suite("scripts/setup.sh, with stand-ins for the package manager")
struct SetupScriptTests {
  private let folder = try! TemporaryFolder()

  /// Runs the script on a machine that lacks every package.
  ///
  /// - Parameter manager: what apt-get does; `$CALLS` is the number of its calls so far.
  private func setup(_ manager: String, seconds: Int = 10) throws -> CommandResult {
    let count = folder.file("calls")
    let programs = [
      "swift": "exit 0", "pkg-config": "exit 1", "id": "echo 0", "sleep": "exit 0",
      "apt-get": """
      CALLS=$(cat \(count) 2>/dev/null || echo 0)
      echo $((CALLS + 1)) >\(count)
      \(manager)
      """,
    ]
    try FileManager.default.createDirectory(
      atPath: folder.file("bin"), withIntermediateDirectories: true)
    for (name, text) in programs {
      let path = try folder.write("bin/\(name)", Array("#!/bin/sh\n\(text)\n".utf8))
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    }
    return try runProcess(
      URL(fileURLWithPath: "/bin/sh"),
      [packageRoot.appendingPathComponent("scripts/setup.sh").path],
      environment: [
        "PATH": "\(folder.file("bin")):/usr/bin:/bin", "SAVI_CKPT_LOCK_SECONDS": "\(seconds)",
      ])
  }

  private static let locked =
    "echo 'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7' >&2"

  @Test("waits for a machine that is just running its own updates, saying so once")
  func waits() throws {
    let run = try setup("[ $CALLS -ge 3 ] || { \(Self.locked); exit 100; }")
    #expect(run.status == 0, "\(run.error)")
    let waiting = run.error.components(separatedBy: "waiting for the package manager").count - 1
    #expect(waiting == 1, "\(run.error)")
    // Three refusals, the lists, the packages.
    #expect(try fileBytes(folder.file("calls")) == Array("5\n".utf8))
  }

  @Test("gives up after a while, with the package manager's reason")
  func givesUp() throws {
    let run = try setup("\(Self.locked); exit 100", seconds: 4)
    #expect(run.status == 1)
    #expect(run.error.contains("It is held by process 7"), "\(run.error)")
    #expect(run.error.contains("libzip-dev"), "\(run.error)")
  }

  @Test("another failure ends it at once")
  func fails() throws {
    let run = try setup("echo 'E: Unable to locate package libzip-dev' >&2; exit 100")
    #expect(run.status == 1)
    #expect(run.error.contains("Unable to locate package"), "\(run.error)")
    #expect(try fileBytes(folder.file("calls")) == Array("1\n".utf8))
  }
}
