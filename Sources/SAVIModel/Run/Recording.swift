package import CheckpointCore
import ReferenceLayers

/// Inputs and intermediates as arrays in a file, under the names of `Clip`'s and `StageName`'s.
extension Clip {
  /// The clips in the arrays `video` and `boxes`.
  package init(_ reader: any CheckpointReader, _ entries: [CheckpointEntry]) throws {
    let arrays = Dictionary(entries.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    func array(_ name: TensorName) throws -> ([Float], Shape) {
      if case .placeholder(let item) = arrays[name] {
        throw CheckpointError(entry: name, "this array cannot be read: \(item.reason)")
      }
      guard case .tensor(let tensor) = arrays[name] else {
        throw CheckpointError(
          entry: name, "an array of this name expected",
          advice:
            "an input file holds 'video' (batch, frames, height, width, \(Self.channels)) and "
            + "'boxes' (batch, frames, objects, \(Self.boxCoordinates))")
      }
      guard ElementCast.canCast(tensor.dtype) else {
        throw CheckpointError(
          entry: name, "floating-point numbers expected, \(tensor.dtype) found",
          advice: name == "video"
            ? "pixels go from 0 to 1: video.astype('float32') / 255"
            : "boxes are fractions of the frame, from 0 to 1")
      }
      let values = try reader.doubles(tensor).map(Float.init)
      guard values.allSatisfy(\.isFinite) else {
        throw CheckpointError(entry: name, "some elements are NaN or infinite")
      }
      return (values, tensor.shape)
    }
    let (video, boxes) = (try array("video"), try array("boxes"))
    try self.init(video: video.0, shape: video.1, boxes: boxes.0, boxesShape: boxes.1)
  }
}

extension Stage {
  /// The recorded stages among the arrays of a file; arrays of other names are left out.
  package static func recorded(
    _ reader: any CheckpointReader, _ entries: [CheckpointEntry]
  ) throws -> [Stage] {
    let stages = try entries.compactMap { entry -> Stage? in
      guard let name = StageName(rawValue: entry.name.text) else { return nil }
      if case .placeholder(let item) = entry {
        throw CheckpointError(entry: item.name, "this stage cannot be read: \(item.reason)")
      }
      guard case .tensor(let tensor) = entry else { return nil }
      guard tensor.dtype.numbersPerElement == 1, tensor.dtype != .bool else {
        throw CheckpointError(entry: name.rawValue, "numbers expected, \(tensor.dtype) found")
      }
      return Stage(
        name: name, shape: tensor.shape.dimensions,
        elements: .float64(try reader.doubles(tensor)))
    }.sorted { $0.name < $1.name }
    guard !stages.isEmpty else {
      throw CheckpointError(
        "no array of this file is named after a stage",
        advice: "the stages are \(StageName.listing)")
    }
    return stages
  }

  /// The stage as a tensor to write.
  package func output() throws -> OutputTensor {
    guard let shape = Shape(shape) else { throw CheckpointError("\(name.rawValue) is too large") }
    let dtype: DType =
      switch elements {
      case .float32: .float32
      case .float64: .float64
      case .int32: .int32
      }
    return OutputTensor(name: TensorName(name.rawValue), dtype: dtype, shape: shape) { sink in
      let size = Streaming.chunkSize / dtype.itemSize
      for start in stride(from: 0, to: shape.count, by: size) {
        let range = start..<min(start + size, shape.count)
        try sink(start, bytes(range).span)
      }
    }
  }

  private func bytes(_ range: Range<Int>) -> [UInt8] {
    switch elements {
    case .float32(let values): littleEndian(values[range].map { $0.bitPattern.littleEndian })
    case .float64(let values): littleEndian(values[range].map { $0.bitPattern.littleEndian })
    case .int32(let values): littleEndian(values[range].map(\.littleEndian))
    }
  }
}

/// The memory of numbers that are in that order already.
private func littleEndian<Pattern: FixedWidthInteger & BitwiseCopyable>(
  _ patterns: [Pattern]
) -> [UInt8] {
  unsafe patterns.withUnsafeBytes { unsafe Array($0) }
}
