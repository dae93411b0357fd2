import CheckpointCore
import Testing

@testable import CheckpointMapping

@Suite("Layouts")
struct LayoutTests {
  /// Extents for the axes that the shapes of a test leave open.
  private static let extents = [
    "kh": 3, "kw": 2, "kd": 4, "k": 3, "i": 5, "o": 7, "e": 5, "h": 2, "d": 3, "c": 3, "m": 2,
    "y": 2, "x": 3, "v": 4, "p": 2,
  ]

  /// A named layout for sources whose extents are all known.
  private func binding(_ named: NamedLayout) throws -> LayoutBinding {
    let layout = named.layout
    var extents = Self.extents
    for case (let axis, .number(let count)) in layout.sizes { extents[axis] = count }
    let stack = ["s", "g"].first { layout.formula.left.first == .axes([$0]) }
    var tensors = LayoutBinding.Tensors()
    if let count = stack.flatMap({ extents[$0] }) {
      tensors.sourceCount = count - (layout.fill?.positions.count ?? 0)
    }
    var left = layout.formula.left
    if layout.stacksSources(tensors.sourceCount) { left.removeFirst() }
    let shape = left.flatMap { dimension -> [Int] in
      switch dimension {
      case .ellipsis: [2, 3]
      case .axes(let names): [names.map { extents[$0] ?? 3 }.reduce(1, *)]
      }
    }
    tensors.sources = Array(repeating: try #require(Shape(shape)), count: tensors.sourceCount)
    for name in LayoutFormula.axes(of: layout.formula.left) where stack == nil {
      tensors.sizes[name] = extents[name]
    }
    return try LayoutBinding(layout, tensors)
  }

  private func numbered(_ count: Int, from first: Int) -> [UInt8] {
    (0..<count).map { UInt8((first + $0) % 251) }
  }

  private func assemble(
    _ way: Rearrangement, _ inputs: [[UInt8]], cut: (Range<Int>) -> [Range<Int>] = { [$0] }
  ) throws -> [UInt8] {
    var output = [UInt8](repeating: 255, count: way.output.count)
    var assembler = TensorAssembler(way, elementSize: 1)
    assembler.begin(&output)
    for (index, piece) in way.pieces.enumerated() {
      let input = inputs[piece.region.input]
      for run in cut(piece.region.span) {
        try assembler.place(
          input.span.extracting(run), at: run.lowerBound, piece: index, into: &output)
      }
    }
    try assembler.finish()
    return output
  }

  @Test(
    "named layouts place every element once, and come back",
    arguments: NamedLayout.builtIn.map(\.name))
  func roundTrip(_ name: String) throws {
    let binding = try binding(try #require(NamedLayout.builtIn.first { $0.name == name }))
    let forward = try #require(binding.forward())
    var next = 1
    let sources = forward.inputs.map { shape in
      defer { next += shape.count }
      return numbered(shape.count, from: next)
    }
    let target = try assemble(forward, sources)
    #expect(Set(target).subtracting([0]) == Set(sources.joined()).subtracting([0]))
    let filled = forward.output.count - sources.reduce(0) { $0 + $1.count }
    if next < 251 { #expect(target.count { $0 == 0 } == filled) }
    for (index, source) in sources.enumerated() {
      #expect(try assemble(try #require(binding.reverse(source: index)), [target]) == source)
    }
  }

  @Test("runs of elements become the boxes that hold exactly them")
  func boxes() {
    for shape in [[], [5], [3, 4], [2, 3, 4], [2, 1, 3, 2], [1, 1, 1]] {
      let count = shape.reduce(1, *)
      let steps = shape.indices.map { shape[($0 + 1)...].reduce(1, *) }
      for lower in 0...count {
        for upper in lower...count {
          var elements: [Int] = []
          for box in ElementBox.covering(lower..<upper, of: shape) {
            var indices = [0]
            for (axis, extent) in box.extents.enumerated() {
              indices = indices.flatMap { base in
                (0..<extent).map { base + (box.origin[axis] + $0) * steps[axis] }
              }
            }
            elements += indices
          }
          #expect(elements.sorted() == Array(lower..<upper), "\(lower)..<\(upper) of \(shape)")
        }
      }
    }
  }

  @Test(
    "a tensor is the same however its sources are cut, in whatever order the pieces come",
    arguments: NamedLayout.builtIn.map(\.name))
  func anyCut(_ name: String) throws {
    var random = SystemRandomNumberGenerator()
    let binding = try binding(try #require(NamedLayout.builtIn.first { $0.name == name }))
    let way = try #require(binding.forward())
    let sources = way.inputs.enumerated().map { numbered($1.count, from: 50 * $0) }
    let whole = try assemble(way, sources)
    for _ in 0..<20 {
      let cut = try assemble(way, sources) { span in
        let inside = (0..<3).map { _ in Int.random(in: 0...span.count, using: &random) }
        let cuts = Set(inside + [0, span.count]).sorted()
        return zip(cuts, cuts.dropFirst())
          .map { span.lowerBound + $0..<span.lowerBound + $1 }.shuffled(using: &random)
      }
      #expect(cut == whole)
    }
    #expect(throws: CheckpointError.self) {
      try assemble(way, sources) { [$0.lowerBound..<$0.lowerBound + $0.count / 2] }
    }
  }

  /// What a formula says, element by element, independent of strides.
  @Test("a transposed convolution flips both axes of the kernel")
  func flip() throws {
    let layout = Layout(try LayoutFormula("kh kw i o -> i o kh kw"), flip: ["kh", "kw"])
    let shape = try #require(Shape([2, 3, 1, 1]))
    let binding = try LayoutBinding(layout, .init(sources: [shape]))
    let way = try #require(binding.forward())
    #expect(try assemble(way, [[1, 2, 3, 4, 5, 6]]) == [6, 5, 4, 3, 2, 1])
  }

  @Test("one layer is taken out of a stack, without the rest of it being read")
  func slice() throws {
    let layout = Layout(
      try LayoutFormula("l i o -> o i"), at: ["l": IndexExpression(variable: "n")])
    let shape = try #require(Shape([3, 2, 2]))
    let binding = try LayoutBinding(layout, .init(sources: [shape], at: ["l": 1]))
    let way = try #require(binding.forward())
    #expect(way.pieces[0].region.span == 4..<8)
    #expect(try assemble(way, [numbered(12, from: 0)]) == [4, 6, 5, 7])
  }

  @Test(
    "shapes that a layout cannot have are refused",
    arguments: [
      ("i o -> o i", [3], [:], "a source of 2 dimensions expected, (3,) found"),
      ("(h d) e -> h d e", [7, 3], ["h": 2], "an extent of 7 in (7, 3) is no multiple of 2"),
      (
        "(h d) e -> h d e", [8, 3], [:],
        "the extent of 'h' does not follow from the shapes: give it in \"sizes\""
      ),
      ("1 i -> i", [2, 3], [:], "1 = 1 expected in (2, 3), 2 found"),
    ] as [(String, [Int], [String: Int], String)])
  func refusals(
    _ formula: String, _ shape: [Int], _ sizes: [String: Int], _ message: String
  ) throws {
    var tensors = LayoutBinding.Tensors(sources: [try #require(Shape(shape))])
    tensors.sizes = sizes
    let layout = Layout(try LayoutFormula(formula))
    #expect {
      _ = try LayoutBinding(layout, tensors)
    } throws: {
      ($0 as? LayoutBinding.Misfit)?.message == message
    }
  }
}
