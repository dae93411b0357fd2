/// A checkpoint with one thing wrong, and what `validate` must say of it.
public struct Damage: Sendable, CustomStringConvertible {
  /// The file's name.
  public let file: String
  /// The id of the finding it must raise.
  public let id: String
  /// The tensor of that finding; `nil` where it is about the whole file.
  public let tensor: String?
  /// The schema to validate it against: a built-in one, or a file of the corpus.
  public let schema: String
  /// The exit code.
  public let status: Int32
  /// Whether the source of the conversion is needed to see it.
  public let isAgainstSource: Bool
  /// The file's bytes.
  let make: @Sendable (Ingredients) throws -> [UInt8]

  public var description: String { file }

  /// What damaged files are made of.
  struct Ingredients {
    /// The sample, converted to safetensors, without its second names' elements.
    let good: [UInt8]
    let sample: [UInt8]
  }

  init(
    file: String, _ id: String, _ tensor: String? = nil, schema: String = CorpusSchema.tolerant,
    status: Int32 = 1, againstSource: Bool = false,
    make: @escaping @Sendable (Ingredients) throws -> [UInt8]
  ) {
    self.file = file
    self.id = id
    self.tensor = tensor
    self.schema = schema
    self.status = status
    isAgainstSource = againstSource
    self.make = make
  }

  /// The good checkpoint with its tensors changed.
  init(
    _ name: String, _ id: String, _ tensor: String? = nil, schema: String = CorpusSchema.tolerant,
    status: Int32 = 1, againstSource: Bool = false,
    change: @escaping @Sendable (inout SafetensorsFile) -> Void
  ) {
    self.init(
      file: name + ".safetensors", id, tensor, schema: schema, status: status,
      againstSource: againstSource
    ) { ingredients in
      var checkpoint = try SafetensorsFile(ingredients.good)
      change(&checkpoint)
      return checkpoint.bytes
    }
  }

  /// Every kind of damage.
  public static let all = structure + values + places + files
}

/// The schemas of the corpus: made from the good checkpoint, or written by hand.
public enum CorpusSchema {
  public static let tolerant = "tolerant.yaml"
  static let exact = "exact.json"
  static let dimensions = "dimensions.yaml"
  static let open = "open.yaml"
  static let builtIn = "savi-small"
}

func convolution(_ number: Int) -> String { "encoder.backbone.cnn_layers.conv_\(number).weight" }
