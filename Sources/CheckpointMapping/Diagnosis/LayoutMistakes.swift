import Bytes
import CheckpointCore

/// The mistakes that can be made with a layout, derived from its formula.
struct LayoutMistakes {
  private typealias Axis = MisplacedElements.Axis

  /// The axes of the target that hold one another's place: C order of the right tensor.
  private struct Atom {
    let name: String
    /// The dimension of the target that holds it.
    let dimension: Int
    let extent: Int
    let stride: Int
  }

  private let shape: Shape
  private let atoms: [Atom]
  private let layout: NamedLayout?
  private let binding: LayoutBinding?

  /// - Parameter rule: how the tensor is made; `nil` where that is not known.
  init(_ shape: Shape, _ rule: CompiledMapping.Tensor?) {
    self.shape = shape
    let binding = rule.flatMap { rule in
      rule.targets.count == 1
        ? try? rule.binding(targets: [shape], sizes: rule.at.mapValues { $0 + 1 }) : nil
    }
    self.binding = binding
    layout = binding == nil ? nil : rule?.layout
    let dimensions =
      binding?.targetAxes
      ?? shape.dimensions.indices.map { ["... \($0)"] }
    let sizes =
      binding?.sizes
      ?? Dictionary(
        uniqueKeysWithValues: shape.dimensions.enumerated().map { ("... \($0)", $1) })
    let extents = dimensions.flatMap { $0 }.map { sizes[$0] ?? 0 }
    let strides = contiguousStrides(extents) ?? extents
    var atoms: [Atom] = []
    for (dimension, names) in dimensions.enumerated() {
      for name in names {
        atoms.append(
          Atom(
            name: name, dimension: dimension, extent: extents[atoms.count],
            stride: strides[atoms.count]))
      }
    }
    self.atoms = atoms
  }

  /// The most telling first.
  var all: [MisplacedElements] {
    orders + confusions + (isConvolution ? kernels : exchanges + reversals) + regroupings + reshaped
  }

  private func axes(_ atoms: [Atom]) -> [Axis] {
    atoms.map { Axis(extent: $0.extent, stride: $0.stride) }
  }

  /// The places along a labelled axis in another order.
  private var orders: [MisplacedElements] {
    guard let layout else { return [] }
    return atoms.indices.flatMap { index -> [MisplacedElements] in
      guard let labels = layout.labels[atoms[index].name],
        labels.places.count == atoms[index].extent, atoms[index].extent <= 4
      else { return [] }
      return Self.permutations(atoms[index].extent).dropFirst().map { order in
        var list = axes(atoms)
        list[index].order = order
        let found = order.map { labels.places[$0] }.joined(separator: ", ")
        return MisplacedElements(
          phrase: "has its \(labels.kind) in the order \(found) instead of "
            + labels.places.joined(separator: ", "), axes: list)
      }
    }
  }

  private static func permutations(_ count: Int) -> [[Int]] {
    guard count > 1 else { return [Array(0..<count)] }
    return permutations(count - 1).flatMap { rest in
      (0..<count).reversed().map { place in
        var order = rest
        order.insert(count - 1, at: place)
        return order
      }
    }
  }

  /// Another layout's formula in place of this one's.
  private var confusions: [MisplacedElements] {
    (layout?.confusions ?? []).compactMap { confusion in
      let names = LayoutFormula.axes(of: confusion.layout.formula.right)
      let order = names.compactMap { name in atoms.first { $0.name == name } }
      guard order.count == atoms.count else { return nil }
      return MisplacedElements(phrase: confusion.phrase, axes: axes(order))
    }
  }

  /// Axes that share a dimension, in another order within it.
  private var regroupings: [MisplacedElements] {
    Set(atoms.map(\.dimension)).sorted().flatMap { dimension -> [MisplacedElements] in
      let inside = atoms.indices.filter { atoms[$0].dimension == dimension }
      guard (2...4).contains(inside.count) else { return [] }
      return Self.permutations(inside.count).dropFirst().map { order in
        var list = atoms
        for (place, from) in zip(inside, order) { list[place] = atoms[inside[from]] }
        func text(_ atoms: [Atom]) -> String { atoms.map(\.name).joined(separator: " ") }
        return MisplacedElements(
          phrase:
            "holds (\(text(inside.map { list[$0] }))) where (\(text(inside.map { atoms[$0] }))) "
            + "belongs", axes: axes(list))
      }
    }
  }

  /// Two dimensions of one extent, or two axes within them, in each other's place.
  private var exchanges: [MisplacedElements] {
    let last = shape.rank - 1
    var list: [MisplacedElements] = []
    for (first, second) in pairs(shape.rank)
    where shape.dimensions[first] == shape.dimensions[second] && shape.dimensions[first] > 1 {
      var order = Array(0...last)
      order.swapAt(first, second)
      list.append(
        MisplacedElements(
          phrase: (first, second) == (last - 1, last)
            ? "is transposed" : "has its axes \(first) and \(second) exchanged",
          axes: axes(order.flatMap { dimension in atoms.filter { $0.dimension == dimension } })))
    }
    return list + exchangesWithin
  }

  /// Two axes of different dimensions, at least one of which holds more than one.
  private var exchangesWithin: [MisplacedElements] {
    guard atoms.count > shape.rank else { return [] }
    return pairs(atoms.count).compactMap { first, second in
      guard atoms[first].extent == atoms[second].extent, atoms[first].extent > 1,
        atoms[first].dimension != atoms[second].dimension
      else { return nil }
      var order = atoms
      order.swapAt(first, second)
      let kind = atoms.lazy.compactMap { layout?.labels[$0.name]?.kind }.first
      return MisplacedElements(
        phrase: kind.map { "has each \($0.dropLast())'s matrix transposed" }
          ?? "has its '\(atoms[first].name)' and '\(atoms[second].name)' exchanged",
        axes: axes(order))
    }
  }

  private func pairs(_ count: Int) -> [(Int, Int)] {
    (0..<max(0, count)).flatMap { first in
      (first + 1..<max(first + 1, count)).map { (first, $0) }
    }
  }

  /// One axis that runs backwards.
  private var reversals: [MisplacedElements] {
    atoms.indices.compactMap { index in
      guard atoms[index].extent > 1, shape.rank > 1 else { return nil }
      let isWhole = atoms.count { $0.dimension == atoms[index].dimension } == 1
      let name = isWhole ? "axis \(atoms[index].dimension)" : "'\(atoms[index].name)'"
      return MisplacedElements(
        phrase: "has its \(name) of \(atoms[index].extent) reversed",
        axes: reversed([index], axes(atoms)), offset: end(of: [index]))
    }
  }

  private func reversed(_ indices: [Int], _ list: [Axis]) -> [Axis] {
    list.enumerated().map { index, axis in
      indices.contains(index) ? Axis(extent: axis.extent, stride: -axis.stride) : axis
    }
  }

  private func end(of indices: [Int]) -> Int {
    indices.reduce(0) { $0 + max(0, atoms[$1].extent - 1) * atoms[$1].stride }
  }

  /// The source's elements under the target's shape, none of them moved.
  private var reshaped: [MisplacedElements] {
    guard let binding, binding.sourceCount == 1, let way = binding.reverse(), way.zeros.isEmpty,
      way.copiedElements == nil, let source = binding.sourceStrides(in: shape)
    else { return [] }
    return [
      MisplacedElements(
        phrase: "was given its shape without moving an element",
        axes: source.axes.map { Axis(extent: $0.extent, stride: $0.stride) }, offset: source.offset)
    ]
  }
}

extension LayoutMistakes {
  /// Whether this is a convolution's kernel: two spatial axes of a kernel beside two of channels.
  private var isConvolution: Bool {
    Set(atoms.map(\.name)) == ["i", "o", "kh", "kw"] && shape.rank == 4
  }

  /// A convolution's kernel with its spatial axes flipped or exchanged, or its channels exchanged.
  private var kernels: [MisplacedElements] {
    func index(_ name: String) -> Int { atoms.firstIndex { $0.name == name } ?? 0 }
    let (o, i, rows, columns) = (index("o"), index("i"), index("kh"), index("kw"))
    var list: [MisplacedElements] = [
      MisplacedElements(
        phrase: "has its input channels in reverse order", axes: reversed([i], axes(atoms)),
        offset: end(of: [i]))
    ]
    for swapsChannels in [false, true]
    where !swapsChannels || atoms[o].extent == atoms[i].extent {
      for swapsSpace in [false, true]
      where !swapsSpace || atoms[rows].extent == atoms[columns].extent {
        for flips in [[], [rows, columns], [rows], [columns]]
        where swapsChannels || swapsSpace || !flips.isEmpty {
          var order = atoms
          if swapsChannels { order.swapAt(o, i) }
          if swapsSpace { order.swapAt(rows, columns) }
          // The flip is of the right tensor's axes: each has its place in the wrong one.
          let places = flips.map { flip in order.firstIndex { $0.name == atoms[flip].name } ?? flip
          }
          let turned =
            flips.count == 2
            ? "its kernel turned by half a turn (both spatial axes flipped)"
            : flips.first.map { $0 == rows ? "its rows flipped" : "its columns flipped" }
          let parts = [
            swapsChannels ? "its input and output channels swapped" : nil,
            swapsSpace ? "its spatial axes transposed" : nil, turned,
          ]
          list.append(
            MisplacedElements(
              phrase: "has " + parts.compactMap(\.self).joined(separator: " and "),
              axes: reversed(places, axes(order)), offset: end(of: flips)))
        }
      }
    }
    return list
  }
}
