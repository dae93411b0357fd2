import CheckpointCore

/// The tree that was saved, as Orbax writes it down beside the arrays: which leaves there are, and what
/// each is.
struct OrbaxTree: Sendable {
  struct Leaf: Sendable {
    /// The keys on the way from the top; positions of lists and tuples are numbers.
    let path: [String]
    let kind: Kind

    /// The name under which the store has the leaf's array.
    var storeName: String { path.joined(separator: ".") }
    var name: TensorName { TensorName(path.joined(separator: "/")) }
  }

  enum Kind: Sendable {
    /// In the store.
    case array
    /// In `_strings.json`.
    case string
    /// No value: an empty container, or None.
    case empty(String)
    /// A type that only the program that saved it knows.
    case other(String)
  }

  let leaves: [Leaf]
  /// Whether every chunk was written, so that one that is not there is lost. Else chunks that hold
  /// nothing but the fill value were left out.
  let isComplete: Bool
}

/// `_METADATA`:
///
///     {"tree_metadata": {"('params', 'kernel')": {
///        "key_metadata": [{"key": "params", "key_type": 2}, {"key": "kernel", "key_type": 2}],
///        "value_metadata": {"value_type": "jax.Array", "skip_deserialize": false, …}}, …},
///      "use_ocdbt": true, "use_zarr3": false, "store_array_data_equal_to_fill_value": true, …}
///
/// Key type 1 is the position in a list or tuple, 2 the key of a dictionary. Value types are
/// `jax.Array`, `np.ndarray`, `scalar`, `string`, `jax.random.key`; `None`, `Dict`, `List`, `Tuple`,
/// `NamedTuple` for what holds no value.
/// Source: orbax/checkpoint/_src/metadata/tree.py.
extension OrbaxTree {
  static let fileName = "_METADATA"

  private static let arrayTypes: Set<String> = [
    "jax.Array", "np.ndarray", "scalar", "jax.random.key", "Unknown",
  ]
  private static let emptyTypes: Set<String> = ["None", "Dict", "List", "Tuple", "NamedTuple"]

  init(metadata document: JSONValue) throws {
    let root = DocumentNode(document)
    leaves = try root.require("tree_metadata").namedMembers().map { _, leaf in
      let keys = try leaf.require("key_metadata").items().map { entry in
        let key = try entry.require("key")
        return if case .int(let number) = key.value { String(number) } else { try key.string() }
      }
      guard keys.count <= StructureLimits.depth else {
        throw leaf.problem("more than \(StructureLimits.depth) levels deep")
      }
      let value = try leaf.require("value_metadata")
      return Leaf(path: keys, kind: Self.kind(try value.require("value_type").string()))
    }
    isComplete = try root.optional("store_array_data_equal_to_fill_value")?.bool() ?? false
  }

  private static func kind(_ type: String) -> Kind {
    if arrayTypes.contains(type) { return .array }
    if emptyTypes.contains(type) { return .empty(type) }
    return type == "string" ? .string : .other(type)
  }
}
