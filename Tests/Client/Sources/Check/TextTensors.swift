import Checkpoints

/// A format of one's own: the line `tensors 1`, a line `NAME DTYPE OFFSET EXTENT…` for each tensor, an
/// empty line, and the elements.
let textTensors = CheckpointFormat(
  name: FormatName(rawValue: "text-tensors"), extensions: ["tensors"],
  matches: { $0.starts(with: magic) }, open: read, write: write)

private let magic = Array("tensors 1\n".utf8)

private func read(_ file: FormatFile) throws -> any CheckpointReader {
  // No header is longer.
  let start = try file.read(0..<min(file.size, 1 << 20))
  let parts = String(decoding: start, as: UTF8.self).split(separator: "\n\n", maxSplits: 1)
  guard parts.count == 2 else {
    throw CheckpointError("the header has no end", advice: "write the file again")
  }
  let tensors = try parts[0].split(separator: "\n").dropFirst().map { line in
    let words = line.split(separator: " ").map(String.init)
    guard words.count >= 3, let dtype = DType(rawValue: words[1]), let offset = Int(words[2]),
      let shape = Shape(words[3...].compactMap { Int($0) }), shape.rank == words.count - 3
    else { throw CheckpointError("'\(line)' describes no tensor", advice: "write the file again") }
    return RawElementsReader.Tensor(
      name: TensorName(words[0]), dtype: dtype, shape: shape, offset: offset)
  }
  return try RawElementsReader(
    file, format: textTensors.name, description: "text tensors", tensors: tensors)
}

private func write(_ tensors: [OutputTensor], _ file: FormatOutput) throws {
  for tensor in tensors where tensor.name.text.contains(where: \.isWhitespace) {
    throw CheckpointError(entry: tensor.name, "a name in this format has no blanks")
  }
  // Offsets of a fixed width, so that the header's size is known before they are.
  func header(_ offsets: [TensorName: Int]) -> [UInt8] {
    let lines = tensors.map { tensor in
      let digits = String(offsets[tensor.aliasOf ?? tensor.name] ?? 0)
      let place = String(repeating: "0", count: 20 - digits.count) + digits
      let extents = tensor.shape.dimensions.map { " \($0)" }.joined()
      return "\(tensor.name) \(tensor.dtype.name) \(place)\(extents)\n"
    }
    return magic + Array((lines.joined() + "\n").utf8)
  }
  var offsets: [TensorName: Int] = [:]
  var end = header(offsets).count
  // A second name of a tensor's elements has the place of the first.
  let own = tensors.filter { $0.aliasOf == nil }
  for tensor in own {
    offsets[tensor.name] = end
    end += tensor.byteCount
  }
  try file.write(header(offsets), at: 0)
  try file.write(elementsOf: own.map { ($0, offsets[$0.name] ?? 0) })
}
