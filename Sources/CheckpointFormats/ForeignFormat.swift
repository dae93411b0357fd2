import Bytes
import CheckpointCore

/// What is recognised and not read: each is named in the refusal, with what to do instead.
enum ForeignFormat {
  /// - Parameter prefix: the first bytes of `file`.
  static func refusal(of file: RandomAccessFile, _ prefix: [UInt8]) throws -> CheckpointError? {
    if isONNX(prefix) {
      return refusal("an ONNX model", "export its weights with onnx.numpy_helper and numpy.savez")
    }
    if prefix.starts(with: [0x4D, 0x4C, 0xEF, 0x52]) || isModuleText(prefix) {
      return refusal(
        "an MLIR module (StableHLO), a program without a checkpoint's names",
        "save the parameters that it was exported from")
    }
    if prefix.dropFirst(4).starts(with: "TFL3".utf8) {
      return refusal("a TensorFlow Lite model", tensorFlowAdvice)
    }
    if try isTensorFlowIndex(file) {
      return refusal("the index of a TensorFlow checkpoint (a tensor bundle)", tensorFlowAdvice)
    }
    if prefix.starts(with: "model_checkpoint_path:".utf8) {
      return refusal("TensorFlow's note of its newest checkpoint", tensorFlowAdvice)
    }
    return nil
  }

  /// What a folder is that holds no checkpoint of a format that is read.
  static func refusal(ofFolderWith names: [String]) -> CheckpointError? {
    if names.contains("saved_model.pb") {
      return refusal("a TensorFlow SavedModel", tensorFlowAdvice)
    }
    if names.contains(where: { $0.wholeMatch(of: /.*\.data-[0-9]{5}-of-[0-9]{5}/) != nil }) {
      return refusal("a TensorFlow checkpoint (a tensor bundle)", tensorFlowAdvice)
    }
    return nil
  }

  private static let tensorFlowAdvice =
    "load it in TensorFlow and save its weights with Keras (.h5, .keras) or numpy.savez"

  private static func refusal(_ what: String, _ advice: String) -> CheckpointError {
    CheckpointError("this is \(what), which is not read", advice: advice)
  }

  /// A protocol buffer whose first field is `ir_version`, a small number, and whose next is the
  /// producer's name, the graph or the operator sets. Source: onnx/onnx.proto, ModelProto.
  private static func isONNX(_ prefix: [UInt8]) -> Bool {
    guard prefix.count > 4, prefix[0] == 0x08, (1...32).contains(prefix[1]) else { return false }
    return [0x12, 0x1A, 0x22, 0x3A, 0x42].contains(prefix[2])
  }

  private static func isModuleText(_ prefix: [UInt8]) -> Bool {
    let text = String(decoding: prefix.prefix(4096), as: UTF8.self)
    return text.drop(while: \.isWhitespace).hasPrefix("module @")
      || text.contains("stablehlo.") && text.contains("func.func")
  }

  /// A LevelDB table ends in this number. Source: tensorflow/core/lib/io/format.h.
  private static let tableMagic: [UInt8] = [0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB]

  private static func isTensorFlowIndex(_ file: RandomAccessFile) throws -> Bool {
    guard file.size >= tableMagic.count else { return false }
    do {
      return try file.read(at: file.size - tableMagic.count, count: tableMagic.count) == tableMagic
    } catch {
      throw CheckpointError(error)
    }
  }
}
