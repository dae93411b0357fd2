import Bytes
import CheckpointCore
import CheckpointFormats
import ReferenceLayers

/// What a model computed, call by call: a safetensors file whose metadata describe the calls
/// (schemas/recording.schema.json), or any file of named arrays, each the output of a step.
package struct Recording: Sendable {
  package let path: String
  /// In the order in which they began.
  package let calls: [RecordedCall]
  /// What was not recorded, and what to do about it.
  package let notes: [String]
  private let checkpoint: Checkpoint

  /// The metadata key of the calls.
  package static let callsKey = "savi_ckpt.calls"

  /// - Throws: `CheckpointError`, naming the file, where it is no recording.
  package init(path: String) throws {
    self.path = path
    checkpoint = try Checkpoint(path: path)
    if let text = try SafetensorsStrings.read(Self.callsKey, in: path) {
      (calls, notes) = try inFile(path) { [checkpoint] in
        try CallsDocument(text, tensors: checkpoint.tensors).parsed()
      }
    } else {
      calls = Self.steps(checkpoint.tensors)
      notes = []
    }
    guard !calls.isEmpty else {
      throw CheckpointError(
        file: path, "it holds no call and no array",
        advice: "record a run with `with savi_ckpt.record(…)`, or save named arrays")
    }
  }

  /// Plain arrays: a call each, whose output is the array.
  private static func steps(_ tensors: [TensorInfo]) -> [RecordedCall] {
    tensors.enumerated().map { index, tensor in
      RecordedCall(
        index: index, path: tensor.name.text, method: nil, number: 0, parent: nil, inputs: [],
        outputs: [
          RecordedTensor(name: "output", tensor: tensor, fullShape: tensor.shape.dimensions)
        ],
        facts: LayerFacts(framework: .plain, classNames: [], attributes: [:], parameters: [:]),
        definition: nil)
    }
  }

  /// The parameters of the modules that were called, by the names they have in a checkpoint.
  var parameters: [CheckpointEntry] {
    calls.flatMap { call in
      let separator = call.facts.framework == .torch ? "." : "/"
      return call.facts.parameters.keys.sorted().map { name -> CheckpointEntry in
        let full = call.path.isEmpty ? name : call.path + separator + name
        let shape = call.facts.parameters[name].flatMap { Shape($0) } ?? .scalar
        return .tensor(TensorInfo(name: TensorName(full), dtype: .float32, shape: shape))
      }
    }
  }

  /// The elements of a tensor, as they are compared.
  func floats(_ tensor: RecordedTensor) throws -> Tensor<Float> {
    let info = tensor.tensor
    let values: [Float]
    if info.dtype == .float32 {
      values = floatsFromBytes(try inFile(path) { try checkpoint.reader.read(info) })
    } else {
      values = try doubles(tensor).values.map { Float($0) }
    }
    return Tensor(info.shape.dimensions, values)
  }

  /// The elements of a tensor, as layers are recomputed.
  func doubles(_ tensor: RecordedTensor) throws -> Tensor<Double> {
    let info = tensor.tensor
    let values = try inFile(path) {
      try collectDoubles(info.dtype, count: info.shape.count) {
        try checkpoint.reader.stream(info, chunkSize: Streaming.chunkSize, $0)
      }
    }
    return Tensor(info.shape.dimensions, values)
  }

  /// The calls in the order in which they ended: those made inside a call before it.
  var ended: [RecordedCall] {
    let children = self.children
    var result: [RecordedCall] = []
    var pending = calls.filter { $0.parent == nil }.reversed().map { (call: $0, isOpen: false) }
    while let (call, isOpen) = pending.popLast() {
      let inner = children[call.index]
      if isOpen || inner.isEmpty {
        result.append(call)
      } else {
        pending.append((call, true))
        pending += inner.reversed().map { (calls[$0], false) }
      }
    }
    return result
  }

  /// The calls of the model itself, which were made in no other.
  var roots: [RecordedCall] { calls.filter { $0.parent == nil } }

  /// For every call, those that were made in it, in order.
  var children: [[Int]] {
    var result = [[Int]](repeating: [], count: calls.count)
    for call in calls { if let parent = call.parent { result[parent].append(call.index) } }
    return result
  }
}

/// The numbers whose little-endian bytes these are.
private func floatsFromBytes(_ bytes: [UInt8]) -> [Float] {
  let count = bytes.count / MemoryLayout<Float>.size
  return unsafe [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
    // The array has room for as many bytes, and every pattern of bits is a number.
    unsafe bytes.withUnsafeBytes { source in
      unsafe UnsafeMutableRawBufferPointer(buffer).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: source.prefix(count * MemoryLayout<Float>.size)))
    }
    initialized = count
  }
}
