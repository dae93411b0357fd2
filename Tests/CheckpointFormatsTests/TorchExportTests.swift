import CheckpointCore
import CheckpointFormats
import TestSupport
import Testing

/// The description of a tensor in an archive's list of weights.
private func weight(_ path: String, _ sizes: [Int], _ strides: [Int], offset: Int = 0) -> String {
  func ints(_ values: [Int]) -> String {
    "[" + values.map { #"{"as_int":\#($0)}"# }.joined(separator: ",") + "]"
  }
  return """
    {"path_name":"\(path)","is_param":true,"use_pickle":false,"tensor_meta":{"dtype":7,\
    "sizes":\(ints(sizes)),"strides":\(ints(strides)),"storage_offset":{"as_int":\(offset)}}}
    """
}

private func archive(_ weights: String, data: [UInt8] = rampBytes(.float32, count: 6)) -> [UInt8] {
  storedZip(
    [
      ("m/archive_format", Array("pt2".utf8)), ("m/byteorder", Array("little".utf8)),
      ("m/data/weights/model_weights_config.json", Array(#"{"config":{\#(weights)}}"#.utf8)),
      ("m/data/weights/weight_0", data),
    ], withChecksums: true)
}

@Suite("torch.export archives")
struct TorchExportTests {
  @Test("parameters have their names, and views share their weight")
  func reads() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "x.pt2",
      archive(
        #""a.w":\#(weight("weight_0", [2, 3], [3, 1])),"b.t":\#(weight("weight_0", [3], [2], offset: 1))"#
      ))
    let checkpoint = try Checkpoint(path: path)
    #expect(checkpoint.reader.formatDescription == "PyTorch export")
    #expect(checkpoint.tensors.map { "\($0.name) \($0.shape)" } == ["a.w (2, 3)", "b.t (3,)"])
    let (whole, view) = (checkpoint.tensors[0], checkpoint.tensors[1])
    #expect(try checkpoint.reader.read(whole) == rampBytes(.float32, count: 6))
    #expect(
      try checkpoint.reader.read(view).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        == [1, 3, 5])
    #expect(whole.storage?.key == view.storage?.key)
  }

  @Test(
    "what is not there, or does not fit, is an error",
    arguments: [
      (#""a":\#(weight("weight_1", [2, 3], [3, 1]))"#, "weight_1 is not in the archive"),
      (#""a":\#(weight("weight_0", [2, 4], [4, 1]))"#, "reaches beyond its storage of 24 bytes"),
      (#""a":{"path_name":"weight_0"}"#, "no dtype, sizes, strides and storage_offset"),
      (#""a":{}"#, "does not say where the data is"),
    ])
  func damaged(_ weights: String, _ message: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("x.pt2", archive(weights))
    #expect {
      try Checkpoint(path: path)
    } throws: {
      "\($0)".contains("a: ") && "\($0)".contains(message)
    }
  }
}
