import Checkpoints
import Foundation

/// The description of an HDF5 file, as the helper process that a damaged file has taken over might
/// give it: it must not lead outside the file, nor anywhere else.
func readHDF5Answer(_ bytes: [UInt8]) {
  HDF5Helper.use(fuzzFolder + "/print-answer.sh")
  _ = InputFile.write(bytes, name: "answer")
  readCheckpoint(describedFile, as: .hdf5)
}

private let fuzzFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
  .replacingOccurrences(of: "/Sources/fuzz/Targets", with: "")

private let describedFile: [UInt8] = {
  let path = fuzzFolder + "/../Tests/Fixtures/hdf5/chunked.h5"
  guard let data = FileManager.default.contents(atPath: path) else { fatalError("no \(path)") }
  return Array(data)
}()
