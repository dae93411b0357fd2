/// Paths that differ in numbers alone, on both sides of an assignment.
struct NumberedFamilies {
  private let rows: [[[String]]]
  private let columns: [[[String]]]
  private let ordered: Set<[[String]]>

  /// - Parameters:
  ///   - rows: the paths of one side; `columns` of the other.
  ///   - rowOrder: the place of each row among the others, by its numbers.
  ///   - chosen: per row, its column; the columns are in the file's order.
  init(rows paths: [NameParts], columns others: [NameParts], rowOrder: [Int], chosen: [Int?]) {
    let (rows, columns) = (paths.map(\.words), others.map(\.words))
    self.rows = rows
    self.columns = columns
    let families = Dictionary(grouping: rows.indices) { rows[$0] }
    let sizes = Dictionary(grouping: columns.indices) { columns[$0] }.mapValues(\.count)
    // Where both count in as many places, the places are the same.
    func isAlike(_ row: Int) -> Bool {
      guard let column = chosen[row] else { return false }
      let (own, other) = (paths[row].numbers, others[column].numbers)
      return own.count != other.count || own == other
    }
    // One family is another's counterpart where it maps onto the whole of it, in its order.
    ordered = Set(
      families.filter { _, members in
        let sorted = members.sorted { rowOrder[$0] < rowOrder[$1] }
        let places = sorted.compactMap { chosen[$0] }
        guard places.count == members.count, members.allSatisfy(isAlike), let first = places.first,
          Set(places.map { columns[$0] }).count == 1, sizes[columns[first]] == members.count
        else { return false }
        return zip(places, places.dropFirst()).allSatisfy { $0 < $1 }
      }.keys)
  }

  func isOrdered(_ row: Int) -> Bool { ordered.contains(rows[row]) }
  func isSameFamily(_ row: Int, _ other: Int) -> Bool { rows[row] == rows[other] }
  func isSameFamily(column: Int, _ other: Int) -> Bool { columns[column] == columns[other] }
}
