import Bytes
import CheckpointCore

/// The index of a shard set, as Hugging Face's libraries write it beside safetensors, PyTorch and Flax
/// files alike:
///
///     {"metadata": {"total_size": BYTES, …}, "weight_map": {NAME: FILE, …}}
///
/// FILE is beside the index. Source: huggingface_hub, `split_state_dict_into_shards_factory`.
struct ShardIndex {
  /// Which file has each tensor, in the index's order.
  let weightMap: [(name: TensorName, file: TensorName)]

  /// Larger than any real index; it is parsed in memory.
  private static let maximumSize = 256 << 20

  /// Whether a file begins as a JSON object does.
  static func matches(_ prefix: [UInt8]) -> Bool {
    prefix.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "{")
  }

  /// Whether a file's name is an index's: `model.safetensors.index.json`, and
  /// `model.safetensors.index.fp16.json`.
  static func isName(_ name: String) -> Bool {
    name.hasSuffix(".json") && name.contains(".index.")
  }

  /// The files, in the order of their names.
  var shards: [TensorName] { Set(weightMap.map(\.file)).sorted() }

  init(_ file: RandomAccessFile) throws {
    guard file.size <= Self.maximumSize else {
      throw CheckpointError("\(file.size) bytes are too many for an index")
    }
    let document: JSONValue
    do {
      document = try JSONParser.parse(try file.readPrefix(file.size))
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    } catch {
      throw CheckpointError("this is no index of shards: not valid JSON, \(error)")
    }
    guard case .object(let members)? = document["weight_map"] else {
      throw CheckpointError(
        "this JSON document has no 'weight_map', so it is no index of shards")
    }
    weightMap = try members.map { member in
      guard case .string(let shard) = member.value else {
        throw CheckpointError(entry: member.key, "a file name expected in the weight_map")
      }
      return (TensorName(member.key), TensorName(shard))
    }
  }
}
