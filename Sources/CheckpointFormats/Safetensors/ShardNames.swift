import Bytes
import CheckpointCore

/// The names of a sharded safetensors set, as Hugging Face's libraries give them.
struct ShardNames {
  /// The path without `.safetensors`.
  private let stem: String
  private let count: Int

  private static let suffix = ".safetensors"
  private static let indexSuffix = ".safetensors.index.json"

  init(path: String, count: Int) {
    stem = path.hasSuffix(Self.suffix) ? String(path.dropLast(Self.suffix.utf8.count)) : path
    self.count = count
  }

  var index: String { stem + Self.indexSuffix }

  /// The path of a shard, counted from 0.
  func shard(_ number: Int) -> String {
    "\(stem)-\(Self.padded(number + 1))-of-\(Self.padded(count))\(Self.suffix)"
  }

  private static func padded(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }

  /// Whether a temporary file of this name is to become the index of this set, or a shard of it in
  /// however many parts.
  func isPart(_ name: String) -> Bool {
    let own = stem.split(separator: "/").last.map(String.init) ?? stem
    let shard = name.firstMatch(of: /-[0-9]{5,}-of-[0-9]{5,}\.safetensors$/).map { $0.output }
    return name == AtomicFile.nameInTemporaries(of: own + (shard ?? Self.indexSuffix[...]))
  }

  /// The index: which shard holds each tensor.
  func document(_ shards: [[OutputTensor]]) -> JSONValue {
    let own = shards.map { $0.filter { $0.aliasOf == nil } }
    let map = own.enumerated().flatMap { number, tensors in
      let path = shard(number)
      let file = path.split(separator: "/").last.map(String.init) ?? path
      return tensors.map { JSONValue.Member($0.name.text, .string(file)) }
    }
    return .object([
      "metadata": .object(["total_size": .int(own.joined().reduce(0) { $0 + $1.byteCount })]),
      "weight_map": .object(map),
    ])
  }
}
