/// softmax(q·kᵀ · scale + mask)·v in every head, without projections.
package struct DotProductAttention: Sendable {
  let heads: Int
  let scale: Double
  /// What the weights sum to one over: the keys, or, in other models, the queries.
  let axis: String
  /// (items or 1, heads or 1, queries or 1, keys), added.
  let mask: Tensor<Double>?

  package init(heads: Int, scale: Double, axis: String = "keys", mask: Tensor<Double>? = nil) {
    self.heads = heads
    self.scale = scale
    self.axis = axis
    self.mask = mask
  }

  /// (items, queries, width), (items, keys, width) twice → (items, queries, width); `nil` where they
  /// do not fit one another. There may be fewer heads of keys and values than of queries.
  package func callAsFunction(
    _ q: Tensor<Double>, _ k: Tensor<Double>, _ v: Tensor<Double>
  ) -> Tensor<Double>? {
    guard q.shape.count == 3, k.shape.count == 3, v.shape.count == 3, heads > 0,
      q.width % heads == 0, q.shape[0] == k.shape[0], k.shape[1] == v.shape[1],
      k.shape[0] == v.shape[0]
    else { return nil }
    let each = q.width / heads
    guard k.width % each == 0, k.width > 0, heads % (k.width / each) == 0,
      v.width % (k.width / each) == 0
    else { return nil }
    let repeats = heads / (k.width / each)
    let valueWidth = v.width / (k.width / each)
    var result = Tensor<Double>(zeros: [q.shape[0], q.shape[1], valueWidth * heads])
    for item in 0..<q.shape[0] {
      let (queries, keys, values) = (q.item(item), k.item(item), v.item(item))
      for head in 0..<heads {
        let shared = head / repeats
        var scores = queries.columns(head * each..<(head + 1) * each)
          .times(keys.columns(shared * each..<(shared + 1) * each), transposed: true)
          .scaled(by: scale)
        guard add(mask, to: &scores, item, head) else { return nil }
        let weights = axis == "keys" ? scores.softmaxOverColumns() : scores.softmaxOverRows()
        let mixed = weights.times(
          values.columns(shared * valueWidth..<(shared + 1) * valueWidth))
        for row in 0..<mixed.rows {
          let target = (item * q.shape[1] + row) * result.width + head * valueWidth
          result.values.replaceSubrange(
            target..<target + valueWidth,
            with: mixed.values[row * valueWidth..<(row + 1) * valueWidth])
        }
      }
    }
    return result
  }

  private func add(
    _ mask: Tensor<Double>?, to scores: inout Tensor<Double>, _ item: Int, _ head: Int
  ) -> Bool {
    guard let mask else { return true }
    let (queries, keys) = (scores.rows, scores.width)
    guard mask.shape.count == 4, [1, queries].contains(mask.shape[2]), mask.shape[3] == keys,
      mask.shape[0] == 1 || item < mask.shape[0], mask.shape[1] == 1 || head < mask.shape[1]
    else { return false }
    let plane = (mask.shape[0] == 1 ? 0 : item) * mask.shape[1] + (mask.shape[1] == 1 ? 0 : head)
    for row in 0..<queries {
      let start = (plane * mask.shape[2] + (mask.shape[2] == 1 ? 0 : row)) * keys
      for key in 0..<keys {
        // A row that sees nothing is spread evenly, as frameworks' large negative numbers do.
        scores.values[row * keys + key] += max(mask.values[start + key], -1e30)
      }
    }
    return true
  }
}

extension Tensor<Double> {
  /// One item of the leading axis.
  package func item(_ index: Int) -> Tensor {
    let count = values.count / Swift.max(1, shape[0])
    return Tensor(
      Array(shape.dropFirst()), Array(values[index * count..<(index + 1) * count]))
  }

  /// What is added so that no query sees a key that comes later by more than an offset.
  package static func causalMask(queries: Int, keys: Int, offset: Int = 0) -> Tensor {
    let last = keys - queries + offset
    return Tensor(
      [1, 1, queries, keys],
      (0..<queries * keys).map { $0 % keys > $0 / keys + last ? -.infinity : 0 })
  }

  /// A mask that hides what this one shows.
  func mappingMask() -> Tensor { Tensor(shape, values.map { $0 < -1 ? 0 : -.infinity }) }
}
