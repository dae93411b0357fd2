package import CheckpointCore

/// The names of a checkpoint as a tree in which what repeats stands once: siblings that hold the
/// same things under the same names are one node, `layers.{0…31}` or `attn.{q,k,v}_proj`.
///
/// Two entries are the same thing where their keys are equal: a dtype and a shape for a listing, the
/// kind of a change for a comparison.
package struct FoldedNames<Key: Hashable> {
  /// A name, a group of names, or a family of either.
  package struct Node {
    /// What it is called within the node above, a separator at its front included: `.attn.{q,k,v}`.
    package fileprivate(set) var label: String
    /// The entries that bear the name itself, as positions in what was folded; in their order.
    package fileprivate(set) var own: [Int]
    package fileprivate(set) var children: [Node]

    /// The positions of all entries at or below the node.
    package var members: [Int] { children.reduce(into: own) { $0 += $1.members } }
  }

  /// The top of the tree; its label is empty unless everything lies in one group.
  package let root: Node

  /// Names are taken apart this many times; what lies deeper is one part. More levels than any
  /// model has, and few enough to walk by recursion.
  private static var maximumDepth: Int { 64 }

  /// - Parameter entries: names with the key of what they name, in the order of the listing.
  package init(_ entries: [(name: TensorName, key: Key)]) {
    let top = NameGroup()
    for (position, entry) in entries.enumerated() {
      var group = top
      for part in Self.parts(entry.name) { group = group.child(part) }
      group.own.append(position)
    }
    var folding = Folding<Key>(keys: entries.map(\.key))
    root = folding.fold(top, label: "").node
  }

  /// The components of a name, each with the separator before it.
  private static func parts(_ name: TensorName) -> [String] {
    let bytes = name.utf8
    var starts = [bytes.startIndex]
    for index in bytes.indices.dropFirst() where TensorName.isSeparator(bytes[index]) {
      guard starts.count < maximumDepth else { break }
      starts.append(index)
    }
    return starts.enumerated().map { position, start in
      let end = position + 1 < starts.count ? starts[position + 1] : bytes.endIndex
      return String(Substring(bytes[start..<end]))
    }
  }

  /// The named nodes with their full names, in the order of the tree: a list for who wants no tree.
  package var list: [(name: String, members: [Int])] {
    var result: [(String, [Int])] = []
    func visit(_ node: Node, _ name: String) {
      let name = name + node.label
      if !node.own.isEmpty { result.append((name, node.own)) }
      for child in node.children { visit(child, name) }
    }
    visit(root, "")
    return result
  }
}

/// Names that begin alike, before anything is folded.
private final class NameGroup {
  var own: [Int] = []
  private(set) var children: [(label: String, group: NameGroup)] = []
  private var places: [TensorName: Int] = [:]

  func child(_ label: String) -> NameGroup {
    if let place = places[TensorName(label)] { return children[place].group }
    let group = NameGroup()
    places[TensorName(label)] = children.count
    children.append((label, group))
    return group
  }
}

/// Folds a tree from its leaves up. What a node holds has a number, equal for equal contents, so
/// that comparing two subtrees costs one comparison.
private struct Folding<Key: Hashable> {
  typealias Node = FoldedNames<Key>.Node

  private struct Content: Hashable {
    let own: [Key]
    let children: [Child]
  }
  private struct Child: Hashable {
    let label: TensorName
    let content: Int
  }

  let keys: [Key]
  private var contents: [Content: Int] = [:]

  init(keys: [Key]) { self.keys = keys }

  mutating func fold(_ group: NameGroup, label: String) -> (node: Node, content: Int) {
    var siblings: [(node: Node, content: Int)] = []
    for child in group.children { siblings.append(fold(child.group, label: child.label)) }
    let children = merged(siblings)
    let content = Content(
      own: group.own.map { keys[$0] },
      // Two layers may list the same names in different orders.
      children: children.map { Child(label: TensorName($0.node.label), content: $0.content) }
        .sorted { $0.label < $1.label })
    let number = contents[content] ?? contents.count
    contents[content] = number
    var node = Node(label: label, own: group.own, children: children.map(\.node))
    // A group that holds one thing is that thing, under a longer name.
    if node.own.isEmpty, node.children.count == 1 {
      node = node.children[0]
      node.label = label + node.label
    }
    return (node, number)
  }

  /// The siblings with those of equal content made one, where the first of them stood.
  private func merged(_ siblings: [(node: Node, content: Int)]) -> [(node: Node, content: Int)] {
    var families: [Int: [Int]] = [:]
    for (index, sibling) in siblings.enumerated() {
      families[sibling.content, default: []].append(index)
    }
    return siblings.enumerated().compactMap { index, sibling in
      guard let family = families[sibling.content], family.count > 1 else { return sibling }
      guard family.first == index else { return nil }
      return (join(family.map { siblings[$0].node }), sibling.content)
    }
  }

  /// Nodes of equal content as one.
  private func join(_ nodes: [Node]) -> Node {
    var result = nodes[0]
    result.label = FamilyLabel.label(nodes.map(\.label))
    result.own = nodes.flatMap(\.own)
    // Equal contents have equal labels, in whatever order.
    let byLabel = nodes.map { node in
      Dictionary(
        node.children.map { (TensorName($0.label), $0) }, uniquingKeysWith: { first, _ in first })
    }
    result.children = result.children.map { child in
      join(byLabel.compactMap { $0[TensorName(child.label)] }, as: child.label)
    }
    return result
  }

  private func join(_ nodes: [Node], as label: String) -> Node {
    var result = join(nodes)
    result.label = label
    return result
  }
}
