import CheckpointCore
import ReferenceLayers

/// One of the two runs.
enum RunSide {
  case source, converted
}

/// The tensors of both recordings as they are compared. The latest are kept: what one call returned, the
/// next is given.
final class RecordedValues {
  let recordings: (source: Recording, converted: Recording)
  private var kept: [Key: Tensor<Float>] = [:]
  /// The longest unused first.
  private var order: [Key] = []
  private var elements = 0
  /// What could not be read by those who only look for an explanation.
  private var failure: (any Error)?

  /// 128 MiB of float32: the tensors of a few blocks of a model.
  private static let most = 1 << 25

  private struct Key: Hashable {
    let side: RunSide
    let name: TensorName
  }

  init(_ recordings: (source: Recording, converted: Recording)) { self.recordings = recordings }

  func floats(_ tensor: RecordedTensor, _ side: RunSide) throws -> Tensor<Float> {
    let key = Key(side: side, name: tensor.tensor.name)
    if let known = kept[key] {
      if let place = order.lastIndex(of: key) { order.append(order.remove(at: place)) }
      return known
    }
    let recording = side == .source ? recordings.source : recordings.converted
    let values = try recording.floats(tensor)
    guard values.values.count <= Self.most / 2 else { return values }
    kept[key] = values
    order.append(key)
    elements += values.values.count
    while elements > Self.most, !order.isEmpty {
      elements -= kept.removeValue(forKey: order.removeFirst())?.values.count ?? 0
    }
    return values
  }

  /// `nil` where the tensor cannot be read, which `check` then says.
  func floatsIfReadable(_ tensor: RecordedTensor, _ side: RunSide) -> Tensor<Float>? {
    do {
      return try floats(tensor, side)
    } catch {
      failure = failure ?? error
      return nil
    }
  }

  /// - Throws: what kept a tensor from being read.
  func check() throws {
    if let failure { throw failure }
  }
}
