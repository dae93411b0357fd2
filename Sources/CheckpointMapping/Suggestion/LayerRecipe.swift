import CheckpointCore

/// How the tensors of one kind of layer correspond in two frameworks: rules whose names are relative
/// to the layer. `schemas/layers.json` holds them.
struct LayerRecipe: Sendable {
  /// The layer, for a person.
  let name: String
  /// The world that the recipe's source belongs to; `nil` for any.
  let source: String?
  /// All of them must hold.
  let rules: [MappingRule]
  /// Each holds where its tensors exist on both sides.
  let optional: [MappingRule]

  /// Those that the tool carries, the likeliest first.
  static let builtIn: [LayerRecipe] = {
    do {
      let root = DocumentNode(try JSONParser.parse(PackageResources.layers_json))
      return try root.members(known: ["$schema", "schema_version", "layers"])
        .require("layers", of: root).items().flatMap(LayerRecipe.recipes)
    } catch {
      // The file is part of the program, and a test reads it.
      preconditionFailure("schemas/layers.json: \(error)")
    }
  }()

  /// The recipes of an entry: one for each choice of its variants.
  private static func recipes(_ node: DocumentNode) throws -> [LayerRecipe] {
    let members = try node.members(known: ["name", "source", "variants", "rules", "optional"])
    let variants = try (members["variants"]?.namedMembers() ?? []).map { name, node in
      (name: name, texts: try node.items().map { try $0.string() })
    }
    // Variants of one length go together; the others are combined with them.
    var choices: [[String: String]] = [[:]]
    for group in Dictionary(grouping: variants, by: \.texts.count).sorted(by: { $0.key < $1.key }) {
      choices = choices.flatMap { choice in
        (0..<group.key).map { index in
          group.value.reduce(into: choice) { $0[$1.name] = $1.texts[index] }
        }
      }
    }
    let parser = MappingRuleParser.plain
    return try choices.map { choice in
      func rules(_ key: String) throws -> [MappingRule] {
        try (members[key]?.items() ?? []).enumerated().map { index, rule in
          try parser.rule(DocumentNode(rule.value.replacing(choice)), number: index + 1)
        }
      }
      return LayerRecipe(
        name: try members.require("name", of: node).string(),
        source: try members["source"]?.string(), rules: try rules("rules"),
        optional: try rules("optional"))
    }
  }
}

extension JSONValue {
  /// The value with the variables in its strings replaced: names in capitals, as whole words.
  fileprivate func replacing(_ choice: [String: String]) -> JSONValue {
    switch self {
    case .string(let text): .string(Self.replace(text, choice))
    case .array(let items): .array(items.map { $0.replacing(choice) })
    case .object(let members):
      .object(members.map { JSONValue.Member($0.key, $0.value.replacing(choice)) })
    default: self
    }
  }

  private static func replace(_ text: String, _ choice: [String: String]) -> String {
    var result = ""
    var word = ""
    for character in text + "\0" {
      if character.isASCII, character.isUppercase {
        word.append(character)
        continue
      }
      result += choice[word] ?? word
      word = ""
      if character != "\0" { result.append(character) }
    }
    return result
  }
}
