import CheckpointCore

/// The strings in a safetensors header that describe no tensor.
///
/// Some of them do: of tensors that share elements one is stored, and `safetensors.torch.save_model`
/// records the others as `{other name: stored name}`, among whatever a trainer adds. Nothing tells
/// `{"best": "encoder.weight"}` from such a record for certain, so this project's own files say which
/// keys are names (`aliasesKey`), and of others only those count that look like one of the model's.
struct SafetensorsMetadata {
  /// Other names, with the stored tensor of each.
  private(set) var aliases: [(name: TensorName, stored: TensorName)] = []
  /// Everything else: what it is called in a listing, and what it says.
  private(set) var values: [(name: TensorName, value: PlainValue, doubt: String)] = []

  /// The key under which a file says which other keys are names: a JSON list of strings.
  static let aliasesKey = "savi-ckpt.aliases"

  /// - Parameter tensors: what the header describes.
  init(_ metadata: [(key: String, value: String)], beside tensors: StoredTensors) {
    let declared = Self.declaredAliases(metadata)
    lazy var groups = Set(tensors.entries.flatMap { $0.name.groups.map(\.group) })
    for (key, value) in metadata where key != Self.aliasesKey {
      let (name, stored) = (TensorName(key), TensorName(value))
      let isCandidate = tensors.contains(stored) && !tensors.contains(name)
      // Only what may be a name is taken apart at its separators: other texts are of any length.
      if isCandidate,
        declared?.contains(name) ?? Self.looksLikeName(name, of: stored, groups: { groups })
      {
        aliases.append((name, stored))
      } else {
        let doubt = isCandidate && declared == nil
        values.append(
          (
            Self.listed(key), PlainValue(.string(value), isMetadata: true),
            doubt ? ", a tensor's name; whether this is a second name of it is not said" : ""
          ))
      }
    }
  }

  /// What a key is called in a listing.
  static func listed(_ key: String) -> TensorName { "\(PlainValue.safetensorsPrefix)\(key)" }

  /// A removed name has parts; the last is the stored one's own (`lm_head.weight`), or the rest is a
  /// group of the model's.
  private static func looksLikeName(
    _ name: TensorName, of stored: TensorName, groups: () -> Set<TensorName>
  ) -> Bool {
    guard let own = name.groups.last else { return false }
    return own.rest == (stored.groups.last?.rest ?? stored) || groups().contains(own.group)
  }

  private static func declaredAliases(
    _ metadata: [(key: String, value: String)]
  ) -> Set<TensorName>? {
    guard let list = metadata.first(where: { $0.key == aliasesKey })?.value,
      case .array(let items)? = try? JSONParser.parse(Array(list.utf8))
    else { return nil }
    return Set(
      items.compactMap { if case .string(let name) = $0 { TensorName(name) } else { nil } })
  }
}
