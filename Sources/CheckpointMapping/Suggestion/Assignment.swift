/// Pairs rows with columns so that the sum of their scores is greatest.
enum Assignment {
  /// Beyond this, pairs are taken in the order of their scores: the exact method is cubic.
  private static let maximumExact = 160

  /// - Parameter score: of each row with each column; `nil` where they cannot be paired.
  /// - Returns: per row, its column.
  static func best(
    rows: Int, columns: Int, score: (Int, Int) -> Double?
  ) -> [Int?] {
    let table = (0..<rows).map { row in (0..<columns).map { score(row, $0) } }
    return max(rows, columns) <= maximumExact ? exact(table, columns) : greedy(table, columns)
  }

  private static func greedy(_ table: [[Double?]], _ columns: Int) -> [Int?] {
    var pairs: [(row: Int, column: Int, score: Double)] = []
    for (row, scores) in table.enumerated() {
      for (column, score) in scores.enumerated() {
        if let score { pairs.append((row, column, score)) }
      }
    }
    pairs.sort { ($1.score, $0.row, $0.column) < ($0.score, $1.row, $1.column) }
    var result = [Int?](repeating: nil, count: table.count)
    var taken = [Bool](repeating: false, count: columns)
    for pair in pairs where result[pair.row] == nil && !taken[pair.column] {
      result[pair.row] = pair.column
      taken[pair.column] = true
    }
    return result
  }

  /// The Hungarian method with potentials (Kuhn 1955, Munkres 1957) on a square of costs, in
  /// which a pair that cannot be is dearer than any that can.
  private static func exact(_ table: [[Double?]], _ columns: Int) -> [Int?] {
    let size = max(table.count, columns)
    let forbidden = 1000.0
    func cost(_ row: Int, _ column: Int) -> Double {
      row < table.count && column < columns
        ? table[row][column].map { -$0 } ?? forbidden : forbidden
    }
    var u = [Double](repeating: 0, count: size + 1)
    var v = [Double](repeating: 0, count: size + 1)
    var owner = [Int](repeating: 0, count: size + 1)
    for row in stride(from: 1, through: size, by: 1) {
      var way = [Int](repeating: 0, count: size + 1)
      var slack = [Double](repeating: .infinity, count: size + 1)
      var used = [Bool](repeating: false, count: size + 1)
      owner[0] = row
      var column = 0
      repeat {
        used[column] = true
        var (delta, next) = (Double.infinity, 0)
        for candidate in stride(from: 1, through: size, by: 1) where !used[candidate] {
          let reduced = cost(owner[column] - 1, candidate - 1) - u[owner[column]] - v[candidate]
          if reduced < slack[candidate] {
            slack[candidate] = reduced
            way[candidate] = column
          }
          if slack[candidate] < delta { (delta, next) = (slack[candidate], candidate) }
        }
        for index in 0...size {
          if used[index] {
            u[owner[index]] += delta
            v[index] -= delta
          } else {
            slack[index] -= delta
          }
        }
        column = next
      } while owner[column] != 0
      while column != 0 {
        owner[column] = owner[way[column]]
        column = way[column]
      }
    }
    var result = [Int?](repeating: nil, count: table.count)
    for column in stride(from: 1, through: columns, by: 1) {
      let row = owner[column] - 1
      if table.indices.contains(row), table[row][column - 1] != nil { result[row] = column - 1 }
    }
    return result
  }
}
