import Bytes
import CheckpointCore
import CheckpointFormats
import CheckpointMapping
import Foundation
import TestSupport

/// Tensors in memory, to be damaged and written.
struct TamperedCheckpoint {
  struct Tensor {
    var shape: [Int]
    var values: [Float]
  }
  var tensors: [TensorName: Tensor]

  init(_ path: String) throws {
    tensors = [:]
    let checkpoint = try Checkpoint(path: path)
    for tensor in checkpoint.tensors {
      var values: [Double] = []
      let bytes = try checkpoint.reader.read(tensor)
      decodeDoubles(bytes.span, tensor.dtype, into: &values)
      tensors[tensor.name] = Tensor(
        shape: tensor.shape.dimensions, values: values.map(Float.init))
    }
  }

  /// Flax parameters of `document`'s model, full of noise: normal in the kernels' scale, so that
  /// activations keep their size.
  init(noiseFor document: ModelDocument) throws {
    tensors = [:]
    var state: UInt64 = 1
    func uniform() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) / Float(1 << 24) - 0.5
    }
    for tensor in try CompiledMapping(document).tensors {
      let shape = tensor.sourceShape!
      for name in tensor.sources {
        let fanIn = shape.dimensions.dropLast().reduce(1, *)
        let scale = shape.rank < 2 ? 0.4 : 3.5 / Float(fanIn).squareRoot()
        let offset: Float = name.text.hasSuffix("scale") ? 1 : 0
        tensors[name] = Tensor(
          shape: shape.dimensions, values: (0..<shape.count).map { _ in offset + scale * uniform() }
        )
      }
    }
  }

  /// The element at `index` becomes the one at `source(index)`.
  mutating func rearrange(_ name: TensorName, _ source: ([Int]) -> [Int]) {
    let tensor = tensors[name]!
    let strides = Shape(tensor.shape)!.strides
    for position in tensor.values.indices {
      let index = zip(strides, tensor.shape).map { position / $0 % $1 }
      let from = zip(source(index), strides).reduce(0) { $0 + $1.0 * $1.1 }
      tensors[name]!.values[position] = tensor.values[from]
    }
  }

  mutating func swap(_ a: TensorName, _ b: TensorName) {
    (tensors[a], tensors[b]) = (tensors[b], tensors[a])
  }

  /// Writes an npz and returns its path.
  func write(_ folder: TemporaryFolder, _ name: String) throws -> String {
    let path = folder.file(name)
    let outputs = tensors.sorted { $0.key < $1.key }.map { name, tensor in
      OutputTensor(name: name, dtype: .float32, shape: Shape(tensor.shape)!) { sink in
        let bytes = tensor.values.flatMap { value in
          (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32($0))) }
        }
        try sink(0, bytes.span)
      }
    }
    try CheckpointWriters.write(
      outputs, to: path, as: CheckpointWriters.writer(for: .npz)!, overwrite: true,
      work: WorkLimits(threads: 1, memory: 1 << 20))
    return path
  }
}
