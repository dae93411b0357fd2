import Foundation

/// A folder of this process for the files that readers open by their paths.
enum InputFile {
  static let folder: String = {
    var template = Array((NSTemporaryDirectory() + "/savi-fuzz-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("no temporary folder can be made") }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }()

  /// A folder within it.
  static func subfolder(_ name: String) -> String {
    let path = folder + "/" + name
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  /// Writes a file of the folder anew and returns its path.
  static func write(_ bytes: [UInt8], name: String = "input") -> String {
    let path = folder + "/" + name
    guard FileManager.default.createFile(atPath: path, contents: Data(bytes)) else {
      fatalError("\(path) cannot be written")
    }
    return path
  }
}
