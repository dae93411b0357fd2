import Synchronization

/// Every layer's output for one frame of one clip, in the order in which the layers run: what tells
/// at which layer two models part.
final class Trace<Scalar: ModelScalar>: Sendable {
  /// The clip of the batch and the frame that are recorded.
  let clip: Int
  let frame: Int

  private struct Records {
    var order: [String] = []
    var outputs: [String: [Int: [Scalar]]] = [:]
  }
  private let records = Mutex(Records())

  init(clip: Int, frame: Int) {
    self.clip = clip
    self.frame = frame
  }

  /// This trace, where it is about that frame.
  func at(clip: Int, frame: Int) -> Trace? {
    clip == self.clip && frame == self.frame ? self : nil
  }

  /// - Parameters:
  ///   - layer: the module's path in the PyTorch hierarchy.
  ///   - item: which of the images that a layer sees in turn: the slot, in the decoder.
  func record(_ layer: String, item: Int = 0, _ values: [Scalar]) {
    records.withLock { records in
      if records.outputs[layer] == nil { records.order.append(layer) }
      records.outputs[layer, default: [:]][item] = values
    }
  }

  func record(_ layer: String, _ output: Tensor<Scalar>) { record(layer, output.values) }

  /// Each layer with its output, the items one after another.
  var layers: [(name: String, output: [Scalar])] {
    records.withLock { records in
      records.order.map { name in
        let items = (records.outputs[name] ?? [:]).sorted { $0.key < $1.key }
        return (name, items.flatMap(\.value))
      }
    }
  }
}
