import Bytes
import CheckpointCore
import Synchronization

#if HDF5
  import CHDF5
#endif
#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The process in which libhdf5 describes a file.
///
/// libhdf5 does not withstand damaged files: the versions in use crash or loop on B-trees with cycles
/// and accept sizes that wrap. So it only ever *describes* a file, in a program of its own that may
/// crash, loop or run out of memory without harm; the elements are then read here, at offsets that
/// were checked, and chunks are inflated into buffers whose size is known. That is also faster:
/// libhdf5 serialises all its calls.
///
/// The program is this one, run again, where its `main` begins with `runIfAsked()`. Otherwise it is a
/// `savi-ckpt` that lies beside this program or on the `PATH`, or the one that `use(_:)` names; so it
/// is where the package's trait `HDF5` is off, and this program has nothing of libhdf5.
public enum HDF5Helper {
  /// The first argument of such a run. Its number changes with the form of the answer.
  private static let request = "--describe-hdf5-2"

  private struct Choice {
    var named: String?
    var isThisProgram = false
  }
  private static let choice = Mutex(Choice())

  /// Describes a file and ends the process where it was started for that; otherwise returns at once.
  /// To be called first in `main`.
  public static func runIfAsked() {
    #if HDF5
      let arguments = CommandLine.arguments
      if arguments.count == 3, arguments[1] == request {
        NativeThread.runDeep { describe(arguments[2]) }
      }
      choice.withLock { $0.isThisProgram = true }
    #endif
  }

  /// Names the program to run: a `savi-ckpt`, or one whose `main` begins with `runIfAsked()`.
  public static func use(_ program: String) { choice.withLock { $0.named = program } }

  // MARK: The asking side

  private static let damaged = "the file is damaged; fetch or save it again"

  /// What `file` holds.
  ///
  /// - Parameter path: where libhdf5 finds its bytes.
  static func index(of file: RandomAccessFile, path: String) throws -> HDF5Index {
    guard !file.isLockedForWriting else {
      throw CheckpointError(
        "another process has this HDF5 file open for writing and holds its lock",
        advice: "wait until it has closed the file, or name a copy of it")
    }
    let limits = HDF5Limits(fileSize: file.size)
    let (output, end): ([UInt8], ChildProcess.End)
    do {
      (output, _, end) = try ChildProcess.run(
        try program(), arguments: ["savi-ckpt", request, path],
        environment: [
          // A crash must be quick and silent, and no thread is of use.
          "SWIFT_BACKTRACE": "enable=no", "LIBC_FATAL_STDERR_": "1", "OPENBLAS_NUM_THREADS": "1",
        ],
        maximumOutput: limits.answerSize)
    } catch let error as FileSystemError {
      throw CheckpointError(
        "the process that describes HDF5 files cannot be started: \(error.reason)",
        advice: CheckpointError(error).advice)
    }
    switch end {
    case .exited: return try answer(output)
    case .signalled(SIGXCPU), .signalled(SIGKILL), .tooMuchOutput:
      throw CheckpointError(
        "libhdf5 did not come to an end with this HDF5 file, within limits in proportion to its size",
        advice: damaged)
    case .signalled(let signal):
      throw CheckpointError(
        "libhdf5 crashed on this HDF5 file (signal \(signal))", advice: damaged)
    }
  }

  private static func answer(_ output: [UInt8]) throws -> HDF5Index {
    var reader = ByteReader(output)
    do {
      switch try reader.readByte() {
      case 1: return try HDF5Index(decoding: &reader)
      case 0:
        let message = String(decoding: try reader.counted(), as: UTF8.self)
        let advice = String(decoding: try reader.counted(), as: UTF8.self)
        throw CheckpointError(message, advice: advice.isEmpty ? damaged : advice)
      default: throw CheckpointError("the helper process gives an answer of another version")
      }
    } catch is ByteReader.Truncated {
      throw CheckpointError("libhdf5 gave up on this HDF5 file", advice: damaged)
    }
  }

  private static func program() throws -> String {
    let choice = choice.withLock { $0 }
    if let named = choice.named { return named }
    let own = Machine.executable
    if choice.isThisProgram { return Machine.selfLink ?? own }
    let beside = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "."
    let path = Machine.environment("PATH") ?? ""
    for folder in [beside] + path.split(separator: ":").map(String.init) {
      let candidate = folder + "/savi-ckpt"
      if unsafe access(candidate, X_OK) == 0 { return candidate }
    }
    throw CheckpointError(
      "HDF5 files are described by a helper process, and there is no program for it",
      advice: "begin main with HDF5Helper.runIfAsked(), or name a savi-ckpt with HDF5Helper.use(_:)"
    )
  }

  // MARK: The describing side

  #if HDF5
    /// One byte, 1 before an index and 0 before a message and its advice.
    private static func describe(_ path: String) -> Never {
      savi_no_core_file()
      var answer: [UInt8] = []
      do {
        let file = try RandomAccessFile(path: path)
        // Before the limits, which are for what it does with the file.
        try HDF5Library.require()
        HDF5Limits(fileSize: file.size).apply()
        let index = try HDF5Scanner.scan(path)
        answer.append(1)
        index.encode(into: &answer)
      } catch let error as HDF5Scanner.Failure {
        answer = [0]
        answer.appendCounted(error.description.utf8)
        answer.appendCounted((error.advice ?? "").utf8)
      } catch {
        let problem =
          error as? CheckpointError ?? CheckpointError("it cannot be described: \(error)")
        answer = [0]
        answer.appendCounted(problem.message.utf8)
        answer.appendCounted((problem.advice ?? "").utf8)
      }
      _ = try? Machine.write(answer, to: 1)
      // Without libhdf5's exit handler, which would go through a damaged file's caches.
      _exit(0)
    }
  #endif
}

/// What describing a file may take. A file's structure is a part of it, so work and memory are bounded
/// by its size; a slow disk or network mount costs neither.
struct HDF5Limits {
  /// Of processor time: two, and one for each MiB. libhdf5 finds some 100,000 chunks or 20,000 datasets
  /// in a second, which take 5 and 10 MB of a file.
  let seconds: UInt
  /// Beyond what the process has at its start: libhdf5 keeps a few MiB and a group's list of links.
  let memory: UInt
  /// Bytes of the description: a chunk takes up to eight times as many here as in the file.
  let answerSize: Int

  init(fileSize: Int) {
    seconds = UInt(min(2 + fileSize / (1 << 20), 120))
    memory = UInt((256 << 20) + 8 * min(fileSize, 512 << 20))
    answerSize = (1 << 20) + 8 * min(fileSize, 128 << 20)
  }

  #if HDF5
    /// Limits this process.
    func apply() {
      savi_limit_cpu(seconds)
      #if canImport(Glibc)
        savi_limit_memory(Machine.addressSpace + memory)
      #endif
    }
  #endif
}
