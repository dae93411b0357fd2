import Bytes
import CheckpointCore

/// The header of a safetensors file.
///
///     0  8  length n of the header, little-endian
///     8  n  JSON: {"NAME": {"dtype": …, "shape": […], "data_offsets": [begin, end]}, …,
///           "__metadata__": {string: string}}, perhaps padded with spaces
///     8+n   the elements; offsets count from here
///
/// The rules of the specification are enforced in one place, `init`: the header's limit, sizes that agree
/// with shapes, and data without gaps, overlaps or a remainder; but a name that comes twice is found
/// where names are kept (`StoredTensors.repeatedName`).
/// Source: the format description of the safetensors project, and its `validate()`.
struct SafetensorsHeader {
  struct Tensor {
    let name: TensorName
    let type: SafetensorsDType
    let typeName: String
    let shape: Shape
    /// In bytes, from the start of the data.
    let range: Range<Int>
  }

  /// In the order of the data.
  let tensors: [Tensor]
  let metadata: [(key: String, value: String)]
  /// Where the data begins in the file.
  let dataOffset: Int

  /// The limit of the safetensors library: a header beyond it is an attack on a JSON parser.
  static let maximumLength = 100_000_000

  static func matches(_ prefix: [UInt8]) -> Bool {
    guard prefix.count > 8, prefix[8] == UInt8(ascii: "{") else { return false }
    return prefix[4..<8].allSatisfy { $0 == 0 }
  }

  init(_ file: RandomAccessFile) throws {
    let json: [UInt8]
    do {
      var reader = ByteReader(try file.readPrefix(8))
      let claimed = try reader.readLittleEndian(UInt64.self)
      guard let length = Int(exactly: claimed), length <= Self.maximumLength else {
        throw CheckpointError(
          "its header claims \(claimed) bytes; the format allows \(Self.maximumLength)")
      }
      guard length <= file.size - 8 else {
        throw CheckpointError(
          "its header claims \(length) bytes, but \(file.size - 8) follow",
          advice: "the file is truncated; fetch or save it again")
      }
      dataOffset = 8 + length
      json = try file.read(at: 8, count: length)
    } catch let error as ByteReader.Truncated {
      throw CheckpointError(error, reading: "the header's length")
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    }
    (tensors, metadata) = try Self.parse(json)
    try Self.validate(tensors, dataSize: file.size - dataOffset)
  }

  /// Member by member: the whole document would take many times the header's size.
  private static func parse(
    _ json: [UInt8]
  ) throws -> ([Tensor], [(key: String, value: String)]) {
    var tensors: [Tensor] = []
    var metadata: [(key: String, value: String)]?
    do {
      let isObject = try JSONParser.parseMembers(
        of: json, maximumValues: StructureLimits.entries
      ) { member in
        if member.key == "__metadata__" {
          guard metadata == nil else { throw CheckpointError("__metadata__ appears twice") }
          metadata = try parseMetadata(member.value)
          return
        }
        guard tensors.count < StructureLimits.entries else {
          throw CheckpointError.beyondLimit("tensors", limit: StructureLimits.entries)
        }
        tensors.append(try parseTensor(TensorName(member.key), member.value))
      }
      guard isObject else { throw CheckpointError("its header is not a JSON object") }
    } catch let error as JSONParser.Failure {
      throw CheckpointError("its header is not valid JSON: \(error)")
    }
    tensors.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    return (tensors, metadata ?? [])
  }

  private static func parseMetadata(_ value: JSONValue) throws -> [(key: String, value: String)] {
    if case .null = value { return [] }
    guard case .object(let members) = value else {
      throw CheckpointError(
        entry: "__metadata__", "an object of strings expected, \(value.kindName) found")
    }
    return try members.map { member in
      guard case .string(let text) = member.value else {
        throw CheckpointError(
          entry: "__metadata__",
          "strings expected, \(member.value.kindName) found for '\(member.key)'")
      }
      return (member.key, text)
    }
  }

  private static func parseTensor(_ name: TensorName, _ value: JSONValue) throws -> Tensor {
    func ints(_ key: String) throws -> [Int] {
      guard case .array(let items)? = value[key] else {
        throw CheckpointError(entry: name, "'\(key)' should be an array of integers")
      }
      guard items.count <= StructureLimits.rank else {
        throw CheckpointError(entry: name, "'\(key)' holds \(items.count) numbers")
      }
      return try items.map { item in
        guard case .int(let number) = item, number >= 0 else {
          throw CheckpointError(entry: name, "'\(key)' holds \(item.serialized())")
        }
        return number
      }
    }
    guard case .object(let members) = value, members.count == 3 else {
      throw CheckpointError(entry: name, "an object of dtype, shape and data_offsets expected")
    }
    guard case .string(let typeName)? = value["dtype"], let type = SafetensorsDType(typeName) else {
      throw CheckpointError(
        entry: name, "the dtype \(value["dtype"]?.serialized() ?? "nothing") is not known")
    }
    let offsets = try ints("data_offsets")
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw CheckpointError(entry: name, "data_offsets \(offsets) are not [begin, end]")
    }
    let dimensions = try ints("shape")
    guard let shape = Shape(dimensions) else {
      throw CheckpointError(entry: name, "the shape \(dimensions) does not fit 64 bits")
    }
    return Tensor(
      name: name, type: type, typeName: typeName, shape: shape, range: offsets[0]..<offsets[1])
  }

  private static func validate(_ tensors: [Tensor], dataSize: Int) throws {
    var end = 0
    for tensor in tensors {
      guard let total = tensor.shape.count.multipliedChecked(by: tensor.type.bits), total % 8 == 0,
        total / 8 == tensor.range.count
      else {
        throw CheckpointError(
          entry: tensor.name,
          "\(tensor.typeName) \(tensor.shape) does not take the \(tensor.range.count) bytes of its "
            + "data_offsets")
      }
      guard tensor.range.lowerBound == end else {
        throw CheckpointError(
          entry: tensor.name,
          tensor.range.lowerBound < end
            ? "its data begins at \(tensor.range.lowerBound), within the tensor before it, which "
              + "ends at \(end)"
            : "its data begins at \(tensor.range.lowerBound), but the tensor before it ends at "
              + "\(end): a gap")
      }
      end = tensor.range.upperBound
    }
    guard end == dataSize else {
      throw CheckpointError(
        "its tensors take \(end) bytes, but \(dataSize) follow the header",
        advice: end > dataSize
          ? "the file is truncated; fetch or save it again" : "the file is damaged")
    }
  }
}
