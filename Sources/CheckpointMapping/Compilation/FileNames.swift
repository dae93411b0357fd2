import CheckpointCore

/// The tensors of one side of a mapping, as a file names them: what tells the numbers of families.
struct FileNames {
  enum Side { case source, target }

  let side: Side
  let shapes: [TensorName: Shape]
  /// In byte order, so that every expansion is the same.
  let names: [TensorName]

  init(_ side: Side, _ tensors: [TensorInfo]) {
    self.side = side
    shapes = Dictionary(
      tensors.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
    names = shapes.keys.sorted()
  }

  /// The values of the variables for which `pattern` is a name of the file.
  func matches(_ pattern: NamePattern) -> [[String: Int]] {
    let prefix = pattern.prefix.utf8
    // Names with the prefix stand together.
    var low = 0
    var high = names.count
    while low < high {
      let middle = (low + high) / 2
      if names[middle].utf8.lexicographicallyPrecedes(prefix) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    var result: [[String: Int]] = []
    while low < names.count, names[low].utf8.starts(with: prefix) {
      if let bindings = pattern.match(names[low]) { result.append(bindings) }
      low += 1
    }
    return result
  }
}
