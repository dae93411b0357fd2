/// Divides items among parts: deterministic, balanced by bytes, and each part gets a run of
/// neighbours, so that it reads as few files as can be.
///
/// Lists are divided one after another, as they become known. Each fills up the parts that have the
/// least so far, as water does: after it, no two parts that got something differ by more than an item.
package struct PartDivision: Sendable {
  /// Bytes that each part has.
  private var loads: [Int]

  package init(count: Int) { loads = [Int](repeating: 0, count: count) }

  /// The part of each item, counted from 0.
  ///
  /// - Parameter sizes: bytes, in the order in which the items lie.
  package mutating func divide(_ sizes: [Int]) -> [Int] {
    let order = loads.indices.sorted { (loads[$0], $0) < (loads[$1], $1) }
    let level = level(sizes.reduce(0, +), order)
    var result = [Int](repeating: 0, count: sizes.count)
    var place = 0
    /// Where the run of the part at `place` ends, and where the next item begins.
    var (end, position) = (room(order[0], level), 0.0)
    var added = [Int](repeating: 0, count: loads.count)
    for (index, size) in sizes.enumerated() {
      // An item belongs to the part in whose run its middle lies.
      let middle = position + Double(size) / 2
      while middle > end, place + 1 < order.count, room(order[place + 1], level) > 0 {
        place += 1
        end += room(order[place], level)
      }
      result[index] = order[place]
      added[order[place]] += size
      position += Double(size)
    }
    for part in loads.indices { loads[part] += added[part] }
    return result
  }

  private func room(_ part: Int, _ level: Double) -> Double { max(0, level - Double(loads[part])) }

  /// The load of the parts that get something, once `bytes` more are shared out.
  private func level(_ bytes: Int, _ order: [Int]) -> Double {
    var sum = Double(bytes)
    for (index, part) in order.enumerated() {
      sum += Double(loads[part])
      let level = sum / Double(index + 1)
      if index + 1 == order.count || level <= Double(loads[order[index + 1]]) { return level }
    }
    return 0
  }
}
